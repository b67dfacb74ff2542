import { DockerToolsError } from '#errors'
import { type ByteString, bytesToByteString, byteStringToText } from '#util'
import { paddingLength, type Phrase } from './nar-words.ts'

const EMPTY: Buffer = Buffer.alloc(0)
/** The longest keyword is `nix-archive-1`; anything beyond this is none. */
const MAX_KEYWORD_BYTES = 32

/** The words of a NAR, read one after the other. `place` is what messages name; it costs nothing until then. */
export class NarInput {
  /** The path of the entry that is read. */
  place: ByteString = '' as ByteString
  readonly #source: AsyncIterator<Uint8Array>
  #chunk: Buffer = EMPTY
  #offset = 0

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Takes `phrase` if it is there already, in one piece. False says nothing: it may be there in pieces. */
  tryTake({ bytes }: Phrase): boolean {
    const end = this.#offset + bytes.length
    if (end > this.#chunk.length || bytes.compare(this.#chunk, this.#offset, end) !== 0) return false
    this.#offset = end
    return true
  }

  /** @throws {DockerToolsError} `FORMAT_INVALID` if something else stands there. */
  async expect(phrase: Phrase): Promise<void> {
    if (this.tryTake(phrase)) return
    for (const keyword of phrase.keywords) {
      const word = await this.readKeyword()
      if (word !== keyword) throw this.unexpected(word, JSON.stringify(keyword))
    }
  }

  async readKeyword(): Promise<string> {
    return this.readWord(MAX_KEYWORD_BYTES, 'a keyword')
  }

  /** A word of at most `maxBytes`. `what` names it in messages. */
  async readWord(maxBytes: number, what: string): Promise<ByteString> {
    const length = await this.readLength(what)
    if (length > maxBytes) {
      throw new DockerToolsError(
        'LIMIT_EXCEEDED',
        `Cannot read NAR: ${what} in ${this.describePlace()} has ${length} bytes, the limit is ${maxBytes}`,
      )
    }
    const word = bytesToByteString(await this.#readExact(length, what))
    await this.readPadding(length, what)
    return word
  }

  /** A length that is not followed by its bytes at once: a file's size. */
  async readLength(what: string): Promise<number> {
    const bytes = await this.#readExact(8, what)
    const high = bytes.readUInt32LE(4)
    if (high >= 0x20_0000) {
      throw this.invalid(`the length of ${what} is ${bytes.readBigUInt64LE()}, it should be below 2^53`)
    }
    return high * 0x1_0000_0000 + bytes.readUInt32LE(0)
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
    const count = paddingLength(length)
    if (count === 0) return
    const padding = await this.#readExact(count, what)
    if (padding.some((byte) => byte !== 0)) throw this.invalid(`the padding after ${what} should be zeros`)
  }

  /** Makes sure that nothing follows. */
  async expectEnd(): Promise<void> {
    if (this.#offset === this.#chunk.length && (await this.#next())) return
    throw new DockerToolsError('FORMAT_INVALID', 'Cannot read NAR: data follows its end, where nothing should be')
  }

  /** Closes the source where it was not read to its end. */
  async close(): Promise<void> {
    await this.#source.return?.()
  }

  unexpected(word: string, expected: string): DockerToolsError {
    return this.invalid(`there is ${JSON.stringify(byteStringToText(word as ByteString))}, it should be ${expected}`)
  }

  invalid(fault: string): DockerToolsError {
    return new DockerToolsError('FORMAT_INVALID', `Cannot read NAR: in ${this.describePlace()}, ${fault}`)
  }

  /** The end of a long path, where the trouble is. */
  describePlace(): string {
    const { place } = this
    if (place === '') return 'the root'
    const shown = place.length > 300 ? `…${byteStringToText(place.slice(-300) as ByteString)}` : byteStringToText(place)
    return JSON.stringify(shown)
  }

  /** True at the end of the source, else the next chunk that is not empty is there. */
  async #next(): Promise<boolean> {
    for (;;) {
      const result = await this.#source.next()
      if (result.done === true) return true
      const { value } = result
      if (value.length === 0) continue
      this.#chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      this.#offset = 0
      return false
    }
  }

  async #fill(what: string): Promise<void> {
    if (await this.#next()) {
      throw new DockerToolsError(
        'TRUNCATED',
        `Cannot read NAR: it ends within ${what} in ${this.describePlace()}, it should go on`,
      )
    }
  }

  async #readExact(count: number, what: string): Promise<Buffer> {
    if (this.#chunk.length - this.#offset >= count) return this.#take(count)
    const bytes = Buffer.alloc(count)
    for (let filled = 0; filled < count;) {
      if (this.#offset === this.#chunk.length) await this.#fill(what)
      const part = this.#take(Math.min(count - filled, this.#chunk.length - this.#offset))
      bytes.set(part, filled)
      filled += part.length
    }
    return bytes
  }

  #take(count: number): Buffer {
    const part = this.#chunk.subarray(this.#offset, this.#offset + count)
    this.#offset += count
    return part
  }
}
