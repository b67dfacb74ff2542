import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DockerToolsError } from '#errors'
import { StoreLock } from './store-lock.ts'
import { storePathHash, type StorePath } from './store-path.ts'

/** What is waited for takes seconds as a rule. */
const RETRY_MS = 100
/** Of the hash part: so many characters give 1024 files at most, which stay, as a lock file must not be deleted. */
const SHARED_PREFIX = 2

/**
 * Waits for the lock of a path, for as long as it takes.
 *
 * @throws {DockerToolsError} `INTERRUPTED`.
 */
export async function lockPath(folder: string, path: StorePath, signal: AbortSignal | undefined): Promise<Disposable> {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, storePathHash(path).slice(0, SHARED_PREFIX))
  for (;;) {
    const lock = StoreLock.tryAcquire(file, 'alone')
    if (lock !== undefined) return lock
    if (signal?.aborted === true) {
      throw new DockerToolsError('INTERRUPTED', `Cannot wait for "${path}": the work was stopped`)
    }
    await delay(RETRY_MS)
  }
}
