import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import type { CacheSource } from './cache-source.ts'

const CHUNK_BYTES = 256 * 1024

/** A binary cache that is a folder (`file://`). */
export class FileCacheSource implements CacheSource {
  readonly uri: string
  readonly #folder: string

  constructor(uri: string, folder: string) {
    this.uri = uri
    this.#folder = folder
  }

  async read(name: string, maxBytes: number): Promise<Uint8Array | undefined> {
    const chunks = await this.open(name)
    if (chunks === undefined) return undefined
    const parts: Uint8Array[] = []
    let size = 0
    for await (const chunk of chunks) {
      size += chunk.length
      if (size > maxBytes) {
        throw new DockerToolsError(
          'LIMIT_EXCEEDED',
          `Cannot read "${join(this.#folder, name)}": it is larger than the limit of ${maxBytes} bytes`,
        )
      }
      parts.push(chunk)
    }
    return Buffer.concat(parts)
  }

  async open(name: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const path = join(this.#folder, name)
    let handle: FileHandle
    try {
      handle = await open(path)
    } catch (error) {
      const code = systemErrorCode(error)
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
      throw unreadable(path, error)
    }
    return readFrom(handle, path)
  }
}

async function* readFrom(handle: FileHandle, path: string): AsyncGenerator<Uint8Array> {
  await using file = handle
  for (;;) {
    const { bytesRead, buffer } = await readChunk(file, path)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

async function readChunk(file: FileHandle, path: string): Promise<{ bytesRead: number; buffer: Buffer }> {
  try {
    return await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, null)
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, cause: unknown): DockerToolsError {
  return new DockerToolsError('STORE_UNAVAILABLE', `Cannot read "${path}" of a binary cache`, { cause })
}
