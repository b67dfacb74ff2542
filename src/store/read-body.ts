import { closeSync, constants, openSync, readSync } from 'node:fs'
import { DockerToolsError, systemErrorCode } from '#errors'
import { type ByteString, byteStringToText, toFsPath } from '#util'

/**
 * Reads a file at once, which is several times as fast as reading it through a stream.
 *
 * @param size Bytes that it should have.
 * @param take Gets the content in parts of `buffer`, which are overwritten by what follows.
 * @throws {DockerToolsError} `FILE_UNREADABLE`, `FILE_CHANGED`.
 */
export function readBody(path: ByteString, size: number, buffer: Buffer, take: (part: Buffer) => void): void {
  const fd = openFile(path)
  try {
    let left = size
    for (;;) {
      const got = readSync(fd, buffer, 0, buffer.length, null)
      if (got === 0) break
      left -= got
      if (left < 0) break
      take(got === buffer.length ? buffer : buffer.subarray(0, got))
    }
    if (left !== 0) throw changed(path)
  } finally {
    closeSync(fd)
  }
}

function openFile(path: ByteString): number {
  try {
    return openSync(toFsPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENXIO') throw changed(path)
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read "${byteStringToText(path)}": ${code ?? String(error)}`, {
      cause: error,
    })
  }
}

function changed(path: ByteString): DockerToolsError {
  return new DockerToolsError('FILE_CHANGED', `Cannot read "${byteStringToText(path)}": it changed while it was read`)
}
