import type { TarInput } from './tar-input.ts'

const NOTHING = new Uint8Array(0)

/**
 * Reads an archive from chunks of any size, each of which has to last only until the next one is asked for. Bodies are
 * passed on without being copied.
 */
export class StreamInput implements TarInput, AsyncDisposable {
  readonly #chunks: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = NOTHING
  #position = 0
  #ended = false
  #offset = 0

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]()
  }

  get offset(): number {
    return this.#offset
  }

  async read(length: number): Promise<Uint8Array> {
    const first = await this.readSome(length)
    if (first.length === length || first.length === 0) return first
    // Grows as the bytes come: a length that lies costs no memory. Copied, as the source may fill its buffer again.
    const parts = [Buffer.from(first)]
    for (let missing = length - first.length; missing > 0;) {
      const part = await this.readSome(missing)
      if (part.length === 0) break
      parts.push(Buffer.from(part))
      missing -= part.length
    }
    return Buffer.concat(parts)
  }

  async readSome(length: number): Promise<Uint8Array> {
    if (!(await this.#fill())) return NOTHING
    const part = this.#chunk.subarray(this.#position, this.#position + length)
    this.#position += part.length
    this.#offset += part.length
    return part
  }

  async skip(length: number): Promise<boolean> {
    for (let missing = length; missing > 0;) {
      const part = await this.readSome(missing)
      if (part.length === 0) return false
      missing -= part.length
    }
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) await this.#chunks.return?.()
  }

  /** Sees to it that there is a byte to read; false at the end. */
  async #fill(): Promise<boolean> {
    while (this.#position === this.#chunk.length) {
      if (this.#ended) return false
      const next = await this.#chunks.next()
      this.#ended = next.done === true
      this.#chunk = next.done === true ? NOTHING : next.value
      this.#position = 0
    }
    return true
  }
}
