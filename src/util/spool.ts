import { readSync } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { fullDiskError } from '#errors'
import type { ByteSink } from './byte-sink.ts'
import { tempRoomError } from './temp-room-error.ts'

/** Bytes written once and read as often as asked; gone with its owner, even after a kill. */
export interface Spool extends ByteSink, AsyncDisposable {
  /** Bytes written so far. */
  readonly size: number
  /** Reads from `offset` to the end, or `length` bytes. */
  read(offset?: number, length?: number): AsyncGenerator<Uint8Array>
  /** Reads exactly `length` bytes, or fewer at the end. */
  readAt(offset: number, length: number): Promise<Uint8Array>
  /** Fills `target` at once, for many small reads; gives how many bytes there were. */
  readNow(target: Uint8Array, offset: number): number
}

const READ_BYTES = 1024 * 1024

/**
 * Makes a spool that keeps up to `memoryBytes` in memory, and all of it in a
 * temporary file once there is more. The file has no name any more when the
 * first byte is written to it, so that nothing is left however the process ends.
 */
export function makeSpool(memoryBytes: number): Spool {
  return new MemoryThenFile(memoryBytes)
}

class MemoryThenFile implements Spool {
  readonly #memoryBytes: number
  #chunks: Buffer[] = []
  #file: FileHandle | undefined
  #size = 0

  constructor(memoryBytes: number) {
    this.#memoryBytes = memoryBytes
  }

  get size(): number {
    return this.#size
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      if (this.#file === undefined && this.#size + chunk.length > this.#memoryBytes) await this.#moveToFile()
      // The chunk is the caller's again afterwards, so memory needs a copy.
      if (this.#file === undefined) this.#chunks.push(Buffer.from(chunk))
      else await writeFully(this.#file, chunk, this.#size)
    } catch (error) {
      throw fullDiskError(`write a temporary file in "${tmpdir()}"`, error)
    }
    this.#size += chunk.length
  }

  async *read(offset = 0, length: number = this.#size - offset): AsyncGenerator<Uint8Array> {
    let position = offset
    const end = offset + length
    while (position < end) {
      const chunk = await this.readAt(position, Math.min(READ_BYTES, end - position))
      if (chunk.length === 0) return
      position += chunk.length
      yield chunk
    }
  }

  async readAt(offset: number, length: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(length, this.#size - offset))
    if (this.#file === undefined) return this.#readMemory(offset, wanted)
    const buffer = Buffer.allocUnsafe(wanted)
    let done = 0
    while (done < wanted) {
      const { bytesRead } = await this.#file.read(buffer, done, wanted - done, offset + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return buffer.subarray(0, done)
  }

  readNow(target: Uint8Array, offset: number): number {
    const wanted = target.subarray(0, Math.max(0, Math.min(target.length, this.#size - offset)))
    if (this.#file !== undefined) return readSync(this.#file.fd, wanted, 0, wanted.length, offset)
    wanted.set(this.#readMemory(offset, wanted.length))
    return wanted.length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#chunks = []
    await this.#file?.close()
    this.#file = undefined
  }

  #readMemory(offset: number, length: number): Uint8Array {
    const parts: Uint8Array[] = []
    let start = 0
    for (const chunk of this.#chunks) {
      const from = Math.max(0, offset - start)
      const to = Math.min(chunk.length, offset + length - start)
      if (from < to) parts.push(chunk.subarray(from, to))
      start += chunk.length
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
  }

  /** Until all is in the file, memory has it for readers. */
  async #moveToFile(): Promise<void> {
    const path = join(tmpdir(), `dockertools-spool-${randomUUID()}`)
    const file = await open(path, 'wx+', 0o600).catch((error: unknown) => {
      throw tempRoomError(error)
    })
    try {
      await unlink(path)
      let position = 0
      for (const chunk of this.#chunks) {
        await writeFully(file, chunk, position)
        position += chunk.length
      }
    } catch (error) {
      await file.close()
      throw error
    }
    this.#file = file
    this.#chunks = []
  }
}

async function writeFully(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < chunk.length) {
    const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position + done)
    done += bytesWritten
  }
}
