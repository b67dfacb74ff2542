import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'

/** A folder that gets its name only once it is whole. */
export interface OutputFolder extends Disposable {
  /** Where it is until then. */
  readonly path: string
  /** Puts it in its place. Without this, nothing is left of it. */
  commit(): void
}

/** @throws {DockerToolsError} `WRITE_FAILED`, also where something is there already, other than an empty folder. */
export function openOutputFolder(path: string): OutputFolder {
  const final = resolve(path)
  refuseWhatIsThere(path, final)
  const temporary = join(dirname(final), `.${basename(final)}.${randomUUID()}.tmp`)
  attempt(path, () => mkdirSync(temporary))
  let isThere = true
  const discard = (): void => {
    if (isThere) rmSync(temporary, { recursive: true, force: true })
    isThere = false
  }
  process.once('exit', discard)
  return {
    path: temporary,
    commit() {
      attempt(path, () => renameSync(temporary, final))
      isThere = false
    },
    [Symbol.dispose]() {
      discard()
      process.off('exit', discard)
    },
  }
}

function refuseWhatIsThere(path: string, final: string): void {
  try {
    if (readdirSync(final).length === 0) return
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return
    if (systemErrorCode(error) !== 'ENOTDIR') throw failure(path, error)
  }
  throw new DockerToolsError('WRITE_FAILED', `Cannot write "${path}": it is there already, it should be a new folder`)
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw failure(path, error)
  }
}

function failure(path: string, error: unknown): DockerToolsError {
  const reason = error instanceof Error ? error.message : String(error)
  return new DockerToolsError('WRITE_FAILED', `Cannot write "${path}": ${reason}`, { cause: error })
}
