import { DockerToolsError } from '#errors'
import { type ByteString, bytesToByteString } from '#util'

const EMPTY = new Uint8Array(0)

/** Reads the words a NAR is made of: an eight-byte length, the bytes, zeros up to a multiple of eight. */
export class NarInput {
  readonly #source: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = EMPTY
  #offset = 0

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** A length that is not followed by its bytes at once: a file's size. */
  async readLength(what: string): Promise<number> {
    const bytes = await this.#readExact(8, what)
    const view = new DataView(bytes.buffer, bytes.byteOffset, 8)
    const high = view.getUint32(4, true)
    if (high >= 0x20_0000) {
      throw new DockerToolsError(
        'FORMAT_INVALID',
        `Cannot read NAR: the length of ${what} is ${view.getBigUint64(0, true)}, it should be below 2^53`,
      )
    }
    return high * 0x1_0000_0000 + view.getUint32(0, true)
  }

  /** A word of at most `maxBytes`. `what` names it in messages. */
  async readWord(maxBytes: number, what: string): Promise<ByteString> {
    const length = await this.readLength(what)
    if (length > maxBytes) {
      throw new DockerToolsError(
        'LIMIT_EXCEEDED',
        `Cannot read NAR: ${what} has ${length} bytes, the limit is ${maxBytes}`,
      )
    }
    const word = bytesToByteString(await this.#readExact(length, what))
    await this.readPadding(length, what)
    return word
  }

  /**
   * At most `maxBytes` of what comes next, without copying: at least one byte.
   * Taken is taken: a reader that stops afterwards does not get them again.
   */
  async readSome(maxBytes: number, what: string): Promise<Uint8Array> {
    if (this.#offset === this.#chunk.length) await this.#fill(what)
    return this.#take(Math.min(maxBytes, this.#chunk.length - this.#offset))
  }

  async readPadding(length: number, what: string): Promise<void> {
    const count = (8 - (length % 8)) % 8
    if (count === 0) return
    const padding = await this.#readExact(count, what)
    if (padding.some((byte) => byte !== 0)) {
      throw new DockerToolsError('FORMAT_INVALID', `Cannot read NAR: the padding after ${what} should be zeros`)
    }
  }

  /** Makes sure that nothing follows. */
  async expectEnd(): Promise<void> {
    if (this.#offset < this.#chunk.length || !(await this.#next())) return this.#refuseMore()
  }

  /** Closes the source where it was not read to its end. */
  async close(): Promise<void> {
    await this.#source.return?.()
  }

  #refuseMore(): never {
    throw new DockerToolsError('FORMAT_INVALID', 'Cannot read NAR: data follows its end, where nothing should be')
  }

  /** True at the end of the source, else the next chunk that is not empty is there. */
  async #next(): Promise<boolean> {
    for (;;) {
      const result = await this.#source.next()
      if (result.done === true) return true
      if (result.value.length === 0) continue
      this.#chunk = result.value
      this.#offset = 0
      return false
    }
  }

  async #fill(what: string): Promise<void> {
    if (await this.#next()) {
      throw new DockerToolsError('TRUNCATED', `Cannot read NAR: it ends within ${what}, it should go on`)
    }
  }

  async #readExact(count: number, what: string): Promise<Uint8Array> {
    if (this.#chunk.length - this.#offset >= count) return this.#take(count)
    const bytes = new Uint8Array(count)
    for (let filled = 0; filled < count;) {
      if (this.#offset === this.#chunk.length) await this.#fill(what)
      const part = this.#take(Math.min(count - filled, this.#chunk.length - this.#offset))
      bytes.set(part, filled)
      filled += part.length
    }
    return bytes
  }

  #take(count: number): Uint8Array {
    const part = this.#chunk.subarray(this.#offset, this.#offset + count)
    this.#offset += count
    return part
  }
}
