import { DockerToolsError, type ErrorCode, fullDiskError, systemErrorCode } from '#errors'

const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6
const SQLITE_READONLY = 8
const SQLITE_IOERR = 10
const SQLITE_FULL = 13

/** The primary result code of an error of SQLite's, or undefined for another error. */
export function sqliteCode(error: unknown): number | undefined {
  if (systemErrorCode(error) !== 'ERR_SQLITE_ERROR') return undefined
  const code = (error as { readonly errcode?: unknown }).errcode
  // The upper bits say more than anyone asks here.
  return typeof code === 'number' ? code & 0xff : undefined
}

/** Whether another process holds what was wanted. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === SQLITE_BUSY || code === SQLITE_LOCKED
}

/**
 * One of our errors for what the system or SQLite said while `what` was done
 * to a store; other errors are passed on.
 *
 * @param what As in "add "/nix/store/…" to store "local"".
 */
export function storeError(what: string, cause: unknown): unknown {
  if (cause instanceof DockerToolsError) return cause
  const database = sqliteCode(cause)
  if (database !== undefined) return databaseError(what, database, cause)
  const full = fullDiskError(what, cause)
  if (full !== cause) return full
  const code = systemErrorCode(cause)
  if (code === undefined) return cause
  return new DockerToolsError('WRITE_FAILED', `Cannot ${what}: the system says ${code}`, { cause })
}

function databaseError(what: string, code: number, cause: unknown): DockerToolsError {
  const [errorCode, fault, hint] = explain(code)
  return new DockerToolsError(errorCode, `Cannot ${what}: ${fault}`, { cause, ...(hint === undefined ? {} : { hint }) })
}

function explain(code: number): [code: ErrorCode, fault: string, hint?: string] {
  switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ['STORE_UNAVAILABLE', 'its database is locked by another process', 'Try again when that process has ended']
    case SQLITE_READONLY:
      return ['STORE_UNAVAILABLE', 'its database can only be read', 'Use a store that this user may write']
    case SQLITE_FULL:
      return ['WRITE_FAILED', 'the disk is full']
    case SQLITE_IOERR:
      return ['WRITE_FAILED', 'its database cannot be read or written, the disk may be full or broken']
    default:
      return ['STORE_UNAVAILABLE', `its database should be one as Nix makes it, SQLite gives error ${code}`]
  }
}
