import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { DockerToolsError, systemErrorCode } from '#errors'
import { type ByteString, byteStringToText, toFsPath } from '#util'
import type { ChunkWriter } from './chunk-writer.ts'

// A file may be swapped for a link or a fifo between the look and the open: follow neither, wait for neither.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * Writes the content of a file, straight from the system into the buffer, and
 * fills its last block.
 *
 * @param size What the header promises.
 * @param ctimeMs When the file was last changed as far as is known; if given, it must still be so.
 * @throws {DockerToolsError} `FILE_CHANGED`, `FILE_UNREADABLE`.
 */
export function writeFileBody(path: ByteString, size: number, ctimeMs: number | undefined, out: ChunkWriter): void {
  const fd = openListedFile(path)
  try {
    if (ctimeMs !== undefined && fstatSync(fd).ctimeMs !== ctimeMs) throw fileChanged(path, 'it was changed')
    readBody(fd, path, size, out)
  } finally {
    closeSync(fd)
  }
  out.pad(size)
}

function readBody(fd: number, path: ByteString, size: number, out: ChunkWriter): void {
  let left = size
  let sawEnd = false
  while (left > 0) {
    const room = out.room()
    // One byte more than there should be, where it fits: a file that has grown shows itself in the same call.
    const asked = Math.min(left + 1, room)
    const got = readSync(fd, out.buffer, out.offset, asked, null)
    if (got === 0) throw fileChanged(path, `it ended ${left} bytes early`)
    if (got > left) throw fileChanged(path, 'it grew')
    sawEnd = asked > left
    out.offset += got
    left -= got
  }
  if (!sawEnd && readSync(fd, PROBE, 0, 1, null) > 0) throw fileChanged(path, 'it grew')
}

const PROBE = new Uint8Array(1)

/**
 * Opens a file that was listed before, and neither follows a link nor waits for a pipe in its place.
 *
 * @throws {DockerToolsError} `FILE_CHANGED`, `FILE_UNREADABLE`.
 */
export function openListedFile(path: ByteString): number {
  try {
    return openSync(toFsPath(path), OPEN_FLAGS)
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENXIO') {
      throw new DockerToolsError(
        'FILE_CHANGED',
        `Cannot read "${byteStringToText(path)}": it vanished or was replaced while the tree was read`,
        { cause: error },
      )
    }
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read "${byteStringToText(path)}": ${code ?? String(error)}`, {
      cause: error,
      ...(code === 'EACCES' ? { hint: 'Make it readable for the user that builds the image' } : {}),
    })
  }
}

/** What is said of a file that is not any more what it was. */
export function fileChanged(path: ByteString, how: string): DockerToolsError {
  return new DockerToolsError(
    'FILE_CHANGED',
    `Cannot read "${byteStringToText(path)}": ${how} while the image was made`,
  )
}
