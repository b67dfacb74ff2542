import { lstat } from 'node:fs/promises'
import { DockerToolsError, systemErrorCode } from '#errors'
import { treeEntries, type TreeEntry } from '#tree'
import { toByteString } from '#util'
import type { StorePath } from './store-path.ts'

/** Whether something is at `path`. A folder on the way that may not be entered counts as no. */
export async function isOnDisk(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemErrorCode(error) ?? '')) return false
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot look for "${path}"`, { cause: error })
  }
}

/**
 * The tree at a store path's own place.
 *
 * @throws {DockerToolsError} `STORE_PATH_MISSING` where a store has the facts
 *   of a path whose content is gone: a database may outlive what it is about.
 */
export async function* diskEntries(path: StorePath, uri: string): AsyncGenerator<TreeEntry> {
  if (!(await isOnDisk(path))) {
    throw new DockerToolsError(
      'STORE_PATH_MISSING',
      `Cannot read store path "${path}": store "${uri}" knows it, but it is not on disk, where it should be`,
    )
  }
  yield* treeEntries(toByteString(path), 'bytes')
}
