import { constants, createZstdDecompress, zstdDecompressSync } from 'node:zlib'
import { systemErrorCode } from '#errors'
import type { Peekable } from './peekable.ts'
import { brokenStream, truncatedStream, windowTooLarge } from './stream-error.ts'
import { throughEngine } from './through-engine.ts'
import { type ZstdFrameHeader, ZstdFrameScanner } from './zstd-frame-scanner.ts'

/** Large slices: each costs a trip through the event loop. */
const OUTPUT_CHUNK_BYTES = 512 * 1024
/** Frames up to this size, in and out, are decoded at once: an engine costs more than they do. */
const SMALL_FRAME_BYTES = 64 * 1024
/** What zstd itself can address on 64-bit machines. */
const MAX_WINDOW_LOG = 31
const MIN_WINDOW_LOG = 10

interface Frame {
  readonly header: Extract<ZstdFrameHeader, { kind: 'data' }>
  /** What has been read of it, and whether that is all. */
  readonly firstBytes: Uint8Array
  readonly isComplete: boolean
  /** All of it. */
  readonly bytes: AsyncGenerator<Uint8Array>
}

/**
 * Decompresses every frame of a zstd stream; skippable frames are left out.
 *
 * @throws {DockerToolsError} `TRUNCATED`; `FORMAT_INVALID` for broken data or a
 *   wrong checksum; `FORMAT_UNSUPPORTED` for a frame that needs a dictionary;
 *   `LIMIT_EXCEEDED` for a window of more than `maxWindowBytes`.
 */
export async function* unzstd(source: Peekable, maxWindowBytes: number): AsyncGenerator<Uint8Array> {
  if ((await source.peek(1)).length === 0) throw truncatedStream('zstd')
  for await (const frame of splitFrames(source)) {
    const { windowBytes, contentBytes } = frame.header
    if (windowBytes > maxWindowBytes) {
      throw windowTooLarge('zstd', `a frame needs a window of ${windowBytes} bytes`, maxWindowBytes)
    }
    if (frame.isComplete && contentBytes !== undefined && contentBytes <= SMALL_FRAME_BYTES) {
      const content = decodeSmallFrame(frame.firstBytes)
      if (content.length > 0) yield content
    } else {
      const windowLog = Math.min(Math.max(Math.ceil(Math.log2(windowBytes)), MIN_WINDOW_LOG), MAX_WINDOW_LOG)
      const engine = createZstdDecompress({
        chunkSize: OUTPUT_CHUNK_BYTES,
        params: { [constants.ZSTD_d_windowLogMax]: windowLog },
      })
      yield* throughEngine(engine, frame.bytes, translateError)
    }
  }
}

/** Cuts a stream into its data frames. A frame has to be read to its end before the next one is asked for. */
async function* splitFrames(source: Peekable): AsyncGenerator<Frame> {
  const scanner = new ZstdFrameScanner()
  let rest: Uint8Array = new Uint8Array(0)

  /** The next bytes that belong to the frame at hand. */
  async function nextPiece(): Promise<Uint8Array> {
    if (rest.length === 0) {
      const result = await source.next()
      if (result.done === true) throw truncatedStream('zstd')
      rest = result.value
    }
    const end = scanner.scan(rest, 0)
    const piece = rest.subarray(0, end)
    rest = rest.subarray(end)
    return piece
  }

  async function* bytesFrom(firstBytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield firstBytes
    while (!scanner.atFrameEnd) yield await nextPiece()
  }

  while (rest.length > 0 || (await source.peek(1)).length > 0) {
    const pieces = [await nextPiece()]
    while (scanner.header === undefined) pieces.push(await nextPiece())
    const header: ZstdFrameHeader = scanner.header
    if (header.kind === 'skippable') {
      while (!scanner.atFrameEnd) await nextPiece()
      continue
    }
    // Without this, small chunks would make every small frame a matter for an engine.
    for (let size = totalBytes(pieces); !scanner.atFrameEnd && size < SMALL_FRAME_BYTES;) {
      const piece = await nextPiece()
      pieces.push(piece)
      size += piece.length
    }
    const firstBytes = Buffer.concat(pieces)
    yield { header, firstBytes, isComplete: scanner.atFrameEnd, bytes: bytesFrom(firstBytes) }
  }
}

function totalBytes(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0)
}

function decodeSmallFrame(frame: Uint8Array): Uint8Array {
  try {
    return zstdDecompressSync(frame, { maxOutputLength: SMALL_FRAME_BYTES })
  } catch (error) {
    throw translateError(error)
  }
}

function translateError(error: unknown): unknown {
  const code = systemErrorCode(error)
  if (!(error instanceof Error) || code === undefined || !/^Z(STD)?_/.test(code)) return error
  return brokenStream('zstd', error.message, error)
}
