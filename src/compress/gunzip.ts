import { constants, createGunzip } from 'node:zlib'
import { systemErrorCode } from '#errors'
import type { Peekable } from './peekable.ts'
import { brokenStream, truncatedStream } from './stream-error.ts'
import { throughEngine } from './through-engine.ts'

/** Large slices: each costs a trip through the event loop. */
const OUTPUT_CHUNK_BYTES = 512 * 1024

/**
 * Decompresses every member of a gzip stream. Zero bytes may follow the last
 * member, as tapes and tar leave them; anything else there is an error.
 *
 * @throws {DockerToolsError} `TRUNCATED`, or `FORMAT_INVALID` for broken data,
 *   a wrong checksum or size, and bytes after the end.
 */
export async function* gunzip(source: Peekable): AsyncGenerator<Uint8Array> {
  if ((await source.peek(1)).length === 0) throw truncatedStream('gzip')
  const engine = createGunzip({ chunkSize: OUTPUT_CHUNK_BYTES, finishFlush: constants.Z_FINISH })
  const tail = new UnreadTail(() => engine.bytesWritten)
  yield* throughEngine(engine, source, translateError, (chunk) => tail.add(chunk))
  // The engine stops at the first zero byte after a member and ignores what follows.
  tail.expectZeros()
  for await (const chunk of source) expectZeros(chunk)
}

/** Keeps the chunks that an engine was handed but may not have read. */
class UnreadTail {
  readonly #chunks: Uint8Array[] = []
  #bytesKept = 0
  #bytesAdded = 0
  readonly #bytesRead: () => number

  constructor(bytesRead: () => number) {
    this.#bytesRead = bytesRead
  }

  add(chunk: Uint8Array): void {
    const unread = this.#bytesAdded - this.#bytesRead()
    while (this.#chunks[0] !== undefined && this.#bytesKept - this.#chunks[0].length >= unread) {
      this.#bytesKept -= this.#chunks[0].length
      this.#chunks.shift()
    }
    this.#chunks.push(chunk)
    this.#bytesKept += chunk.length
    this.#bytesAdded += chunk.length
  }

  expectZeros(): void {
    const unread = this.#bytesAdded - this.#bytesRead()
    if (unread > 0) expectZeros(Buffer.concat(this.#chunks).subarray(-unread))
  }
}

function expectZeros(bytes: Uint8Array): void {
  if (bytes.some((byte) => byte !== 0)) {
    throw brokenStream('gzip', 'other bytes follow its last member, only zero bytes may')
  }
}

function translateError(error: unknown): unknown {
  const code = systemErrorCode(error)
  if (code === 'Z_BUF_ERROR') return truncatedStream('gzip', error)
  if (code?.startsWith('Z_') !== true || !(error instanceof Error)) return error
  return brokenStream('gzip', error.message, error)
}
