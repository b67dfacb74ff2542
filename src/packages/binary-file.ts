import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { DockerToolsError, systemErrorCode } from '#errors'
import { type ByteString, byteStringToText, toFsPath } from '#util'

/** Bytes at most that are read in one go: nothing in a file's headers is larger. */
const MAX_READ_BYTES = 16 * 1024 * 1024

/** A file of this machine, of which parts are read. Close it by `using`. */
export class BinaryFile {
  readonly path: ByteString
  /** Bytes. */
  readonly size: number
  readonly isExecutable: boolean
  readonly #fd: number

  private constructor(path: ByteString, fd: number, size: number, isExecutable: boolean) {
    this.path = path
    this.size = size
    this.isExecutable = isExecutable
    this.#fd = fd
  }

  /**
   * Opens a file, through symlinks.
   *
   * @returns Undefined where there is no regular file that may be read.
   */
  static open(path: ByteString): BinaryFile | undefined {
    let fd: number
    try {
      // Without NONBLOCK a pipe would block for ever.
      fd = openSync(toFsPath(path), constants.O_RDONLY | constants.O_NONBLOCK)
    } catch (error) {
      // As the loader: what cannot be opened, for whatever reason, is not there.
      if (systemErrorCode(error) !== undefined) return undefined
      throw error
    }
    const stats = fstatSync(fd)
    if (stats.isFile()) return new BinaryFile(path, fd, stats.size, (stats.mode & 0o111) !== 0)
    closeSync(fd)
    return undefined
  }

  /**
   * The bytes at `offset`.
   *
   * @throws {DockerToolsError} `TRUNCATED` if the file ends before; `LIMIT_EXCEEDED`.
   */
  read(offset: number, length: number, what: string): Buffer {
    if (length > MAX_READ_BYTES) throw this.error('LIMIT_EXCEEDED', `${what} has ${length} bytes`, `${MAX_READ_BYTES}`)
    const bytes = this.readUpTo(offset, length)
    if (bytes.length === length) return bytes
    throw new DockerToolsError(
      'TRUNCATED',
      `Cannot read "${byteStringToText(this.path)}": ${what} should end at byte ${offset + length}, the file has ${this.size}`,
    )
  }

  /** As `read`, but only what is there. */
  readUpTo(offset: number, length: number): Buffer {
    const wanted = Math.max(0, Math.min(length, this.size - offset, MAX_READ_BYTES))
    const bytes = Buffer.alloc(wanted)
    let done = 0
    while (done < wanted) {
      const count = readSync(this.#fd, bytes, done, wanted - done, offset + done)
      if (count === 0) break
      done += count
    }
    return bytes.subarray(0, done)
  }

  /** An error about this file: what it is, and what it should be. */
  error(
    code: 'FORMAT_INVALID' | 'FORMAT_UNSUPPORTED' | 'LIMIT_EXCEEDED',
    is: string,
    should: string,
  ): DockerToolsError {
    const limit = code === 'LIMIT_EXCEEDED' ? 'it should have at most ' : ''
    return new DockerToolsError(code, `Cannot read "${byteStringToText(this.path)}": ${is}, ${limit}${should}`)
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}
