import { DockerToolsError } from '#errors'

const UNESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

/** Reads the part of the ATerm syntax that derivations use: strings, lists, tuples. */
export class AtermReader {
  readonly where: string
  readonly #input: string
  #at = 0

  constructor(input: string, where: string) {
    this.#input = input
    this.where = where
  }

  tryTake(token: string): boolean {
    if (!this.#input.startsWith(token, this.#at)) return false
    this.#at += token.length
    return true
  }

  expect(token: string): void {
    if (this.tryTake(token)) return
    const found = this.#input.slice(this.#at, this.#at + 20)
    const fault = found === '' ? 'it ends' : `it has ${JSON.stringify(found)}`
    throw this.invalid(`at ${this.#at} ${fault}, it should have ${JSON.stringify(token)}`)
  }

  expectEnd(): void {
    if (this.#at < this.#input.length) throw this.invalid(`it goes on at ${this.#at}, it should end`)
  }

  list<Item>(readItem: () => Item): Item[] {
    const items: Item[] = []
    this.expect('[')
    while (!this.tryTake(']')) {
      if (items.length > 0) this.expect(',')
      items.push(readItem())
    }
    return items
  }

  /** `size` strings in parentheses. */
  tuple(size: number): string[] {
    const texts: string[] = []
    this.expect('(')
    for (let index = 0; index < size; index++) {
      if (index > 0) this.expect(',')
      texts.push(this.text())
    }
    this.expect(')')
    return texts
  }

  text(): string {
    this.expect('"')
    const parts: string[] = []
    for (;;) {
      const start = this.#at
      while (this.#at < this.#input.length && !this.#isSpecial()) this.#at++
      parts.push(this.#input.slice(start, this.#at))
      if (this.#at >= this.#input.length) throw this.invalid('it ends within a string, it should be closed')
      if (this.tryTake('"')) return parts.join('')
      const escaped = this.#input[this.#at + 1]
      if (escaped === undefined) throw this.invalid('it ends within a string, it should be closed')
      parts.push(UNESCAPED[escaped] ?? escaped)
      this.#at += 2
    }
  }

  invalid(fault: string): DockerToolsError {
    return new DockerToolsError('FORMAT_INVALID', `Cannot read derivation "${this.where}": ${fault}`)
  }

  #isSpecial(): boolean {
    const code = this.#input.charCodeAt(this.#at)
    // A quote or a backslash.
    return code === 0x22 || code === 0x5c
  }
}
