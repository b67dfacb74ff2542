import { DockerToolsError } from '#errors'
import { encodeHeader, encodeHeaderInto, paddingLength, type TarHeader } from '#tar'

/** Takes a full buffer and gives the next one to fill; the two may be the same. */
export type ChunkHandler = (filled: Uint8Array) => Uint8Array

/**
 * Assembles a tar archive in large buffers, synchronously: the layers of an
 * image are tens of thousands of small files, and an `await` for each costs
 * more than the work itself.
 */
export class ChunkWriter {
  /** The buffer being filled. */
  buffer: Uint8Array
  /** Bytes filled in it. */
  offset = 0
  #flushedBytes = 0
  readonly #onChunk: ChunkHandler

  constructor(first: Uint8Array, onChunk: ChunkHandler) {
    this.buffer = first
    this.#onChunk = onChunk
  }

  /** Bytes written in all. */
  get size(): number {
    return this.#flushedBytes + this.offset
  }

  header(header: TarHeader): void {
    let end = encodeHeaderInto(header, 'pax', this.buffer, this.offset)
    if (end < 0) {
      this.flush()
      end = encodeHeaderInto(header, 'pax', this.buffer, this.offset)
    }
    if (end >= 0) this.offset = end
    else this.bytes(encodeHeader(header, 'pax'))
  }

  bytes(bytes: Uint8Array): void {
    let done = 0
    while (done < bytes.length) {
      const room = this.room()
      const part = bytes.subarray(done, done + room)
      this.buffer.set(part, this.offset)
      this.offset += part.length
      done += part.length
    }
  }

  zeros(count: number): void {
    let left = count
    while (left > 0) {
      const part = Math.min(left, this.room())
      this.buffer.fill(0, this.offset, this.offset + part)
      this.offset += part
      left -= part
    }
  }

  /** Fills the last block of a member whose body had `size` bytes. */
  pad(size: number): void {
    this.zeros(paddingLength(size))
  }

  /** How many bytes fit into `buffer` behind `offset`; never 0. */
  room(): number {
    if (this.offset === this.buffer.length) this.flush()
    return this.buffer.length - this.offset
  }

  flush(): void {
    if (this.offset === 0) return
    this.#flushedBytes += this.offset
    const filled = this.offset === this.buffer.length ? this.buffer : this.buffer.subarray(0, this.offset)
    this.buffer = this.#onChunk(filled)
    if (this.buffer.length === 0) throw new DockerToolsError('INTERNAL', 'Cannot go on writing: the buffer has no room')
    this.offset = 0
  }
}
