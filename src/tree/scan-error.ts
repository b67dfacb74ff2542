import { DockerToolsError, systemErrorCode } from '#errors'
import type { ByteString } from '#util'
import { byteStringToText } from '#util'

/** What the system says when a file that was there is gone, or is of another type now. */
const CHANGED = new Set(['ENOENT', 'ENOTDIR', 'EINVAL', 'ELOOP'])

/**
 * The error for a file of a source tree that could not be read.
 *
 * @param isRoot Whether the caller named the file: that it is missing is then no change.
 */
export function scanError(doing: string, onDisk: ByteString, cause: unknown, isRoot: boolean): DockerToolsError {
  const code = systemErrorCode(cause)
  const what = `Cannot ${doing} "${byteStringToText(onDisk)}"`
  if (code === undefined) return new DockerToolsError('INTERNAL', what, { cause })
  if (CHANGED.has(code) && !isRoot) {
    return new DockerToolsError('FILE_CHANGED', `${what}: it vanished or changed its type while the tree was read`, {
      cause,
      hint: 'Let nothing write to the tree while it is read',
    })
  }
  return new DockerToolsError('FILE_UNREADABLE', `${what}: ${REASONS[code] ?? `the system says ${code}`}`, { cause })
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission is denied, it should be granted',
  EPERM: 'permission is denied, it should be granted',
  ENAMETOOLONG: 'its path is longer than the system takes',
}
