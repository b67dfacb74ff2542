import { randomUUID } from 'node:crypto'
import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import { type ByteSink, makeFileWriter } from '#util'

/** A file that gets its name only once it is whole. */
export interface OutputFile extends ByteSink, AsyncDisposable {
  /** Puts it in its place. Without this, nothing is left of it. */
  commit(): Promise<void>
}

/** @throws {DockerToolsError} `WRITE_FAILED`. */
export function openOutputFile(path: string, isExecutable: boolean): OutputFile {
  const final = resolve(path)
  if (statSync(final, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new DockerToolsError('WRITE_FAILED', `Cannot write "${path}": it is a folder, it should be a file`)
  }
  const temporary = join(dirname(final), `.${basename(final)}.${randomUUID()}.tmp`)
  const failed = (error: unknown): never => {
    throw writeFailure(path, error)
  }
  const attempt = <T>(action: () => T): T => {
    try {
      return action()
    } catch (error) {
      return failed(error)
    }
  }
  let fd: number | undefined = attempt(() => openSync(temporary, 'wx', isExecutable ? 0o777 : 0o666))
  const writer = makeFileWriter(fd)
  const close = (): boolean => {
    if (fd === undefined) return false
    const open = fd
    fd = undefined
    closeSync(open)
    return true
  }
  const discard = (): void => {
    if (close()) rmSync(temporary, { force: true })
  }
  process.once('exit', discard)
  return {
    write: (chunk) => attempt(() => writer.write(chunk))?.catch(failed),
    async commit() {
      await writer.finish().catch(failed)
      // Not flushed to the disk, as by `cp` and `docker save`: that would take longer than all the rest, and what is
      // lost with the machine's power can be built again to the same bytes.
      attempt(() => {
        if (close()) renameSync(temporary, final)
      })
    },
    async [Symbol.asyncDispose]() {
      // Nothing may write any more into a descriptor that is closed, and perhaps soon another file's.
      await writer.finish().catch(() => undefined)
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
