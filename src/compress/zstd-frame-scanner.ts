import { brokenStream, unsupportedStream } from './stream-error.ts'

/** What the header of a zstd frame says. */
export type ZstdFrameHeader =
  | { readonly kind: 'skippable' }
  | {
      readonly kind: 'data'
      /** Bytes of history the frame may refer to. */
      readonly windowBytes: number
      /** Bytes that come out, where the frame says so. */
      readonly contentBytes: number | undefined
    }

type Part = 'header' | 'skipped' | 'block-header' | 'block' | 'checksum'

const MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50
/** Magic, descriptor, window, dictionary and content size at their longest. */
const MAX_HEADER_BYTES = 18
const MAX_BLOCK_BYTES = 128 * 1024
const DICTIONARY_ID_BYTES = [0, 1, 2, 4]

/**
 * Finds the ends of the frames in a zstd stream by walking their headers, with
 * no more than a header in memory.
 *
 * Needed because node:zlib decodes only the first frame before Node 26, and
 * takes a stream that is cut short for a complete one before Node 24.20.
 *
 * @see RFC 8878, section 3.1
 */
export class ZstdFrameScanner {
  /** The header of the frame at hand, once it is complete. */
  header: ZstdFrameHeader | undefined
  /** Whether the bytes so far are whole frames. */
  atFrameEnd = true
  #part: Part = 'header'
  #pending = Buffer.alloc(MAX_HEADER_BYTES)
  #pendingBytes = 0
  #bytesLeft = 0
  #lastBlock = false
  #hasChecksum = false
  #maxBlockBytes = MAX_BLOCK_BYTES

  /**
   * Reads on in `bytes` from `start`, to the end of a frame or of the chunk.
   *
   * @returns Where it stopped. `atFrameEnd` says why.
   * @throws {DockerToolsError} `FORMAT_INVALID`, or `FORMAT_UNSUPPORTED` for a dictionary.
   */
  scan(bytes: Uint8Array, start: number): number {
    let position = start
    if (this.atFrameEnd && position < bytes.length) this.#startFrame()
    while (position < bytes.length) {
      if (this.#part === 'header') {
        position = this.#collect(bytes, position, this.#headerBytesWanted())
        if (this.#pendingBytes === this.#headerBytesWanted()) this.#readHeader()
      } else if (this.#part === 'block-header') {
        position = this.#collect(bytes, position, 3)
        if (this.#pendingBytes === 3) this.#readBlockHeader()
      } else {
        const taken = Math.min(this.#bytesLeft, bytes.length - position)
        position += taken
        this.#bytesLeft -= taken
      }
      if (this.#finishParts()) break
    }
    return position
  }

  #startFrame(): void {
    this.atFrameEnd = false
    this.header = undefined
    this.#part = 'header'
    this.#pendingBytes = 0
  }

  /** Moves `count - #pendingBytes` bytes to `#pending`, or as many as there are. */
  #collect(bytes: Uint8Array, position: number, count: number): number {
    const taken = Math.min(count - this.#pendingBytes, bytes.length - position)
    this.#pending.set(bytes.subarray(position, position + taken), this.#pendingBytes)
    this.#pendingBytes += taken
    return position + taken
  }

  /** Length of the header as far as the bytes so far tell: magic first, then the descriptor, then all of it. */
  #headerBytesWanted(): number {
    if (this.#pendingBytes < 4) return 4
    if (isSkippable(this.#pending.readUInt32LE(0))) return 8
    if (this.#pendingBytes < 5) return 5
    const descriptor = this.#pending.readUInt8(4)
    const hasWindow = (descriptor & 0x20) === 0
    return 5 + (hasWindow ? 1 : 0) + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0) + contentSizeBytes(descriptor)
  }

  #readHeader(): void {
    const magic = this.#pending.readUInt32LE(0)
    if (isSkippable(magic)) {
      this.header = { kind: 'skippable' }
      this.#bytesLeft = this.#pending.readUInt32LE(4)
      this.#part = 'skipped'
      return
    }
    const descriptor = this.#pending.readUInt8(4)
    if ((descriptor & 8) !== 0) throw unsupportedStream('zstd', 'a frame sets a bit that is reserved')
    const isSingleSegment = (descriptor & 0x20) !== 0
    const dictionaryStart = isSingleSegment ? 5 : 6
    const dictionaryIdBytes = DICTIONARY_ID_BYTES[descriptor & 3] ?? 0
    if (dictionaryIdBytes > 0 && this.#pending.readUIntLE(dictionaryStart, dictionaryIdBytes) !== 0) {
      throw unsupportedStream('zstd', 'a frame was made with a dictionary, which is not part of the stream')
    }
    const contentBytes = readContentSize(this.#pending, dictionaryStart + dictionaryIdBytes, descriptor)
    const windowBytes = isSingleSegment ? (contentBytes ?? 0) : readWindowSize(this.#pending.readUInt8(5))
    this.header = { kind: 'data', windowBytes, contentBytes }
    this.#hasChecksum = (descriptor & 4) !== 0
    this.#maxBlockBytes = Math.min(windowBytes, MAX_BLOCK_BYTES)
    this.#startBlock()
  }

  #startBlock(): void {
    this.#part = 'block-header'
    this.#pendingBytes = 0
  }

  #readBlockHeader(): void {
    const word = this.#pending.readUIntLE(0, 3)
    const type = (word >> 1) & 3
    const size = word >> 3
    if (type === 3) throw brokenStream('zstd', 'a block has the reserved type')
    if (size > this.#maxBlockBytes) {
      throw brokenStream('zstd', `a block of ${size} bytes is larger than the ${this.#maxBlockBytes} it may have`)
    }
    this.#lastBlock = (word & 1) !== 0
    this.#bytesLeft = type === 1 ? 1 : size
    this.#part = 'block'
  }

  /** Goes on to the next part where this one is complete. @returns whether the frame is. */
  #finishParts(): boolean {
    if (this.#part === 'header') {
      if (this.#pendingBytes >= 4) expectMagic(this.#pending.readUInt32LE(0))
      return false
    }
    if (this.#part === 'block-header' || this.#bytesLeft > 0) return false
    if (this.#part === 'block' && !this.#lastBlock) {
      this.#startBlock()
      return false
    }
    if (this.#part === 'block' && this.#hasChecksum) {
      this.#part = 'checksum'
      this.#bytesLeft = 4
      return false
    }
    this.atFrameEnd = true
    return true
  }
}

function isSkippable(magic: number): boolean {
  return magic >= SKIPPABLE_MAGIC && magic <= SKIPPABLE_MAGIC + 15
}

function expectMagic(magic: number): void {
  if (magic !== MAGIC && !isSkippable(magic)) throw brokenStream('zstd', 'a frame does not start with the magic number')
}

function contentSizeBytes(descriptor: number): number {
  const code = descriptor >> 6
  if (code === 0) return (descriptor & 0x20) === 0 ? 0 : 1
  return 2 ** code
}

function readContentSize(bytes: Buffer, offset: number, descriptor: number): number | undefined {
  switch (contentSizeBytes(descriptor)) {
    case 1:
      return bytes.readUInt8(offset)
    case 2:
      return bytes.readUInt16LE(offset) + 256
    case 4:
      return bytes.readUInt32LE(offset)
    case 8:
      return Number(bytes.readBigUInt64LE(offset))
    default:
      return undefined
  }
}

function readWindowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3))
  return base + (base / 8) * (descriptor & 7)
}
