import type { TarInput } from './tar-input.ts'

/** A file, or anything else that can be read from anywhere. */
export interface SeekableSource {
  /** The `length` bytes at `offset`, or fewer only where the source ends. */
  read(offset: number, length: number): Promise<Uint8Array>
  /** What it is asked for at least, where headers stand far from each other. Default: 64 KiB, as a call costs as much. */
  readonly leastBytes?: number
}

const WINDOW_BYTES = 64 * 1024
/** Reads the headers of an archive, and of bodies only what happens to be near them. */
export class SeekableInput implements TarInput {
  readonly #source: SeekableSource
  #window: Uint8Array = new Uint8Array(0)
  #windowOffset = 0
  #windowBytes: number
  #offset = 0

  constructor(source: SeekableSource) {
    this.#source = source
    this.#windowBytes = source.leastBytes ?? WINDOW_BYTES
  }

  get offset(): number {
    return this.#offset
  }

  async read(length: number): Promise<Uint8Array> {
    let start = this.#offset - this.#windowOffset
    if (start < 0 || start + length > this.#window.length) {
      const isNear = Math.abs(start - this.#window.length) < this.#windowBytes
      this.#windowBytes = isNear
        ? Math.min(this.#windowBytes * 2, WINDOW_BYTES)
        : (this.#source.leastBytes ?? WINDOW_BYTES)
      this.#window = await this.#source.read(this.#offset, Math.max(length, this.#windowBytes))
      this.#windowOffset = this.#offset
      start = 0
    }
    const bytes = this.#window.subarray(start, start + length)
    this.#offset += bytes.length
    return bytes
  }

  readSome(length: number): Promise<Uint8Array> {
    return this.read(Math.min(length, WINDOW_BYTES))
  }

  /** The last byte is looked at: where it is, all before it are. */
  async skip(length: number): Promise<boolean> {
    if (length === 0) return true
    this.#offset += length - 1
    return (await this.read(1)).length === 1
  }
}
