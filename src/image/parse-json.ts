import { DockerToolsError } from '#errors'
import { JsonFloat, type JsonValue } from './json-value.ts'

/** Deeper nesting is refused: everything that handles the value later would recurse as deep. */
const MAX_DEPTH = 500

/**
 * Parses JSON without losing the digits of large numbers or the order of members.
 * Of members with the same name the last value counts, at the place of the first,
 * as in Python and JavaScript.
 *
 * @param what Names the text in an error, for example `manifest of "base.tar"`.
 * @throws {DockerToolsError} `FORMAT_INVALID` for text that is no JSON or nested deeper than 500.
 */
export function parseJson(text: string, what: string): JsonValue {
  // A byte order mark is no part of JSON, but editors leave one.
  const parser = new JsonParser(text.startsWith('\ufeff') ? text.slice(1) : text, what)
  return parser.document()
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
// oxlint-disable-next-line no-control-regex -- JSON forbids these characters inside strings
const STRING = /"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const SPACE = /[ \t\n\r]*/y

class JsonParser {
  readonly #text: string
  readonly #what: string
  #position = 0

  constructor(text: string, what: string) {
    this.#text = text
    this.#what = what
  }

  document(): JsonValue {
    const value = this.#value(0)
    this.#skipSpace()
    if (this.#position < this.#text.length) throw this.#error('text after the end')
    return value
  }

  #value(depth: number): JsonValue {
    if (depth > MAX_DEPTH) throw this.#error(`values nested deeper than ${MAX_DEPTH}`)
    this.#skipSpace()
    switch (this.#text[this.#position]) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#array(depth)
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #object(depth: number): JsonValue {
    const members = new Map<string, JsonValue>()
    this.#position++
    if (this.#take('}')) return members
    do {
      this.#skipSpace()
      if (this.#text[this.#position] !== '"') throw this.#error('no member name')
      const name = this.#string()
      if (!this.#take(':')) throw this.#error('no colon')
      members.set(name, this.#value(depth + 1))
    } while (this.#take(','))
    if (!this.#take('}')) throw this.#error('no end of the object')
    return members
  }

  #array(depth: number): JsonValue {
    const items: JsonValue[] = []
    this.#position++
    if (this.#take(']')) return items
    do items.push(this.#value(depth + 1))
    while (this.#take(','))
    if (!this.#take(']')) throw this.#error('no end of the list')
    return items
  }

  #string(): string {
    const literal = this.#match(STRING)
    if (literal === undefined) throw this.#error('a broken string')
    return JSON.parse(literal) as string
  }

  #number(): JsonValue {
    const literal = this.#match(NUMBER)
    if (literal === undefined)
      throw this.#error(this.#position < this.#text.length ? 'no value' : 'the end of the text')
    if (/[.eE]/.test(literal)) return new JsonFloat(Number(literal))
    const value = Number(literal)
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : BigInt(literal)
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#position)) throw this.#error('an unknown word')
    this.#position += word.length
    return value
  }

  #take(character: string): boolean {
    this.#skipSpace()
    if (this.#text[this.#position] !== character) return false
    this.#position++
    return true
  }

  #skipSpace(): void {
    this.#match(SPACE)
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#position += found.length
    return found
  }

  #error(found: string): DockerToolsError {
    return new DockerToolsError(
      'FORMAT_INVALID',
      `Cannot read ${this.#what}: it should be JSON, and has ${found} at character ${this.#position + 1}`,
    )
  }
}
