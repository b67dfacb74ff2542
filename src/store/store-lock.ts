import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { DockerToolsError } from '#errors'
import { isBusy, storeError } from './store-error.ts'

/** Between two tries to get a lock. */
const RETRY_MS = 5
/** How long a try for the lock alone keeps newcomers out, so that they cannot keep it waiting for ever. */
const CLAIM_MS = 20
/** Longer than any lock of ours is held; a store on a disk that does not answer must not hang us for ever. */
const MAX_WAIT_MS = 10 * 60 * 1000

/** `shared` with others of the kind, or `alone`. */
export type LockKind = 'shared' | 'alone'

/**
 * A lock between processes: that of an empty SQLite database, which is a lock
 * of the operating system's. So a process that is killed holds it no longer,
 * and nobody has to guess whether the holder is still alive.
 */
export class StoreLock implements Disposable {
  readonly #database: DatabaseSync

  private constructor(database: DatabaseSync) {
    this.#database = database
  }

  /**
   * Waits for the lock.
   *
   * @param file Is made if it is not there; its folder has to be.
   * @throws {DockerToolsError} `STORE_UNAVAILABLE` after ten minutes; `WRITE_FAILED`.
   */
  static async acquire(file: string, kind: LockKind): Promise<StoreLock> {
    for (let waitedMs = 0; waitedMs < MAX_WAIT_MS; waitedMs += RETRY_MS + CLAIM_MS) {
      const lock = StoreLock.tryAcquire(file, kind)
      if (lock !== undefined) return lock
      await delay(RETRY_MS)
    }
    throw new DockerToolsError(
      'STORE_UNAVAILABLE',
      `Cannot lock "${file}": another process has held it for ${MAX_WAIT_MS / 60_000} minutes`,
    )
  }

  /** The lock, or undefined where somebody else has it. */
  static tryAcquire(file: string, kind: LockKind): StoreLock | undefined {
    let database: DatabaseSync | undefined
    try {
      database = new DatabaseSync(file, { timeout: kind === 'alone' ? CLAIM_MS : 0 })
      // Nothing is ever written; without this an empty journal would be made beside the file.
      database.exec('PRAGMA journal_mode = MEMORY')
      database.exec(kind === 'alone' ? 'BEGIN EXCLUSIVE' : 'BEGIN')
      // Only reading takes the lock that is shared.
      if (kind === 'shared') database.prepare('SELECT count(*) FROM sqlite_schema').get()
      return new StoreLock(database)
    } catch (error) {
      database?.close()
      if (isBusy(error)) return undefined
      throw storeError(`lock "${file}"`, error)
    }
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}
