import { realpathSync } from 'node:fs'
import { systemErrorCode } from '#errors'
import { type ByteString, toFsPath } from '#util'

/** An absolute path without `.`, `..` and repeated slashes, by its text alone. */
export function normalizePath(path: ByteString): ByteString {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}` as ByteString
}

/** The folder a path is in, by its text alone. */
export function folderOf(path: ByteString): ByteString {
  const slash = path.lastIndexOf('/')
  return (slash <= 0 ? '/' : path.slice(0, slash)) as ByteString
}

/** The last component of a path. */
export function fileNameOf(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf('/') + 1) as ByteString
}

/** Where a file really is, symlinks followed; undefined where there is none that can be reached. */
export function realPathOf(path: ByteString): ByteString | undefined {
  try {
    return realpathSync.native(toFsPath(path), { encoding: 'latin1' }) as ByteString
  } catch (error) {
    if (systemErrorCode(error) !== undefined) return undefined
    throw error
  }
}
