import { constants, readSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { type Compression, decompress, type DecompressLimits, DETECTION_BYTES, detectCompression } from '#compress'
import { DockerToolsError, systemErrorCode } from '#errors'
import type { SeekableSource } from '#tar'
import { makeSpool, type Spool } from '#util'

/** A file that can be read from anywhere, decompressed where it was compressed. */
export interface RandomAccess extends SeekableSource, AsyncDisposable {
  /** How the file is compressed; what is read is not. */
  readonly compression: Compression
  /** Reads `length` bytes from `offset` on, in chunks. */
  stream(offset: number, length: number): AsyncGenerator<Uint8Array>
  /** Fills `target` at once, for many small reads; gives how many bytes there were. */
  readNow(target: Uint8Array, offset: number): number
}

const READ_BYTES = 1024 * 1024
const SPOOL_MEMORY_BYTES = 16 * 1024 * 1024

/**
 * Opens a file for reading from anywhere. A compressed one is decompressed once,
 * to memory where it is small and to a nameless temporary file otherwise.
 *
 * @param what Names the file in errors, for example `base image "base.tar"`.
 * @param limits What a compressed one may ask for.
 * @throws {DockerToolsError} `FILE_UNREADABLE`, or an error of `decompress`.
 */
export async function openRandomAccess(
  path: string,
  what: string,
  limits: Partial<DecompressLimits> = {},
): Promise<RandomAccess> {
  let file: FileHandle
  try {
    // Without waiting: a fifo would be opened only once somebody writes into it.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw unreadable(what, error)
  }
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw unreadable(what, new Error('it is no regular file'))
    const start = await readFully(file, 0, DETECTION_BYTES)
    const compression = detectCompression(start)
    if (compression === 'none') return new FileAccess(file)
    await using _close = closing(file)
    return new SpoolAccess(await decompressed(file, compression, limits), compression)
  } catch (error) {
    await file.close().catch(() => undefined)
    throw error
  }
}

async function decompressed(
  file: FileHandle,
  compression: Parameters<typeof decompress>[0],
  limits: Partial<DecompressLimits>,
): Promise<Spool> {
  const spool = makeSpool(SPOOL_MEMORY_BYTES)
  try {
    for await (const chunk of decompress(compression, streamFile(file, 0, Infinity), limits)) await spool.write(chunk)
    return spool
  } catch (error) {
    await spool[Symbol.asyncDispose]()
    throw error
  }
}

/** An open file as it is; closed with its owner. */
export function fileAccess(file: FileHandle): RandomAccess {
  return new FileAccess(file)
}

function closing(file: FileHandle): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => file.close() }
}

class FileAccess implements RandomAccess {
  readonly compression = 'none'
  readonly #file: FileHandle

  constructor(file: FileHandle) {
    this.#file = file
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return readFully(this.#file, offset, length)
  }

  stream(offset: number, length: number): AsyncGenerator<Uint8Array> {
    return streamFile(this.#file, offset, length)
  }

  readNow(target: Uint8Array, offset: number): number {
    return readSync(this.#file.fd, target, 0, target.length, offset)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close()
  }
}

class SpoolAccess implements RandomAccess {
  readonly compression: Compression
  readonly #spool: Spool

  constructor(spool: Spool, compression: Compression) {
    this.compression = compression
    this.#spool = spool
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#spool.readAt(offset, length)
  }

  stream(offset: number, length: number): AsyncGenerator<Uint8Array> {
    return this.#spool.read(offset, length)
  }

  readNow(target: Uint8Array, offset: number): number {
    return this.#spool.readNow(target, offset)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool[Symbol.asyncDispose]()
  }
}

async function* streamFile(file: FileHandle, offset: number, length: number): AsyncGenerator<Uint8Array> {
  let position = offset
  let left = length
  while (left > 0) {
    const chunk = await readFully(file, position, Math.min(left, READ_BYTES))
    if (chunk.length === 0) return
    position += chunk.length
    left -= chunk.length
    yield chunk
  }
}

async function readFully(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, offset + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return buffer.subarray(0, done)
}

function unreadable(what: string, error: unknown): DockerToolsError {
  const code = systemErrorCode(error)
  const reason = code === 'ENOENT' ? 'there is no such file' : error instanceof Error ? error.message : String(error)
  return new DockerToolsError('FILE_UNREADABLE', `Cannot read ${what}: ${reason}`, { cause: error })
}
