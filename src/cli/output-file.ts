import { randomUUID } from 'node:crypto'
import { closeSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import type { ByteSink } from '#util'

/** A file that gets its name only once it is whole. */
export interface OutputFile extends ByteSink, Disposable {
  /** Puts it in its place. Without this, nothing is left of it. */
  commit(): void
}

/** @throws {DockerToolsError} `WRITE_FAILED`. */
export function openOutputFile(path: string, isExecutable: boolean): OutputFile {
  const final = resolve(path)
  if (statSync(final, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new DockerToolsError('WRITE_FAILED', `Cannot write "${path}": it is a folder, it should be a file`)
  }
  const temporary = join(dirname(final), `.${basename(final)}.${randomUUID()}.tmp`)
  const attempt = <T>(action: () => T): T => {
    try {
      return action()
    } catch (error) {
      throw writeFailure(path, error)
    }
  }
  let fd: number | undefined = attempt(() => openSync(temporary, 'wx', isExecutable ? 0o777 : 0o666))
  const discard = (): void => {
    if (fd === undefined) return
    closeSync(fd)
    fd = undefined
    rmSync(temporary, { force: true })
  }
  process.once('exit', discard)
  return {
    write(chunk) {
      let done = 0
      while (done < chunk.length) done += attempt(() => writeSync(fd ?? -1, chunk, done))
    },
    commit() {
      attempt(() => {
        if (fd === undefined) return
        // Not flushed to the disk, as by `cp` and `docker save`: that would take longer than all the rest, and what is
        // lost with the machine's power can be built again to the same bytes.
        closeSync(fd)
        fd = undefined
        renameSync(temporary, final)
      })
    },
    [Symbol.dispose]() {
      discard()
      process.off('exit', discard)
    },
  }
}

function writeFailure(path: string, error: unknown): DockerToolsError {
  const code = systemErrorCode(error)
  const reasons: Readonly<Record<string, string>> = {
    ENOSPC: 'the disk is full',
    EDQUOT: 'the disk quota is used up',
    ENOENT: 'its folder does not exist',
    EACCES: 'its folder may not be written',
    EROFS: 'its disk is read-only',
  }
  const reason =
    (code === undefined ? undefined : reasons[code]) ?? (error instanceof Error ? error.message : String(error))
  return new DockerToolsError('WRITE_FAILED', `Cannot write "${path}": ${reason}`, { cause: error })
}
