import { randomUUID } from 'node:crypto'
import { closeSync, openSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import { type ByteSink, makeFileWriter } from '#util'
import { findOutputTarget } from './output-target.ts'
import type { EndedSink } from './pipe-sink.ts'
import { openSpecialOutput } from './special-output.ts'
import { openStdout } from './stdout-sink.ts'

/** A file that gets its name only once it is whole. */
export interface OutputFile extends ByteSink, AsyncDisposable {
  /** Puts it in its place. Without this, nothing is left of it. */
  commit(): Promise<void>
}

/**
 * Opens what `-o` names. A file is replaced at once by `commit`, behind links too, which stay; devices, FIFOs and
 * standard output are written to as they are.
 *
 * @throws {DockerToolsError} `WRITE_FAILED`.
 */
export async function openOutputFile(path: string, isExecutable: boolean): Promise<OutputFile> {
  const guard = guardOf(path)
  const target = guard(() => findOutputTarget(path))
  switch (target.kind) {
    case 'file':
      return openReplacement(path, target.path, isExecutable)
    case 'stdout':
      return endedFile(openStdout(), (error) => error)
    case 'fifo':
    case 'device': {
      const sink = await openSpecialOutput(target).catch((error: unknown) => {
        throw writeFailure(path, error, true)
      })
      return endedFile(sink, (error) => writeFailure(path, error, true))
    }
  }
}

/** Output that has its name from the beginning. */
function endedFile(sink: EndedSink, explain: (error: unknown) => unknown): OutputFile {
  let isOpen = true
  const failed = (error: unknown): never => {
    throw explain(error)
  }
  return {
    write: (chunk) => sink.write(chunk)?.catch(failed),
    async commit() {
      isOpen = false
      await sink.end().catch(failed)
    },
    [Symbol.asyncDispose]() {
      if (isOpen) sink.discard()
      return Promise.resolve()
    },
  }
}

function guardOf(path: string): <T>(action: () => T) => T {
  return (action) => {
    try {
      return action()
    } catch (error) {
      throw writeFailure(path, error)
    }
  }
}

function openReplacement(path: string, final: string, isExecutable: boolean): OutputFile {
  const attempt = guardOf(path)
  const temporary = join(dirname(final), `.${basename(final)}.${randomUUID()}.tmp`)
  const failed = (error: unknown): never => {
    throw writeFailure(path, error)
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

function writeFailure(path: string, error: unknown, isItself = false): DockerToolsError {
  if (error instanceof DockerToolsError) return error
  const code = systemErrorCode(error)
  const reasons: Readonly<Record<string, string>> = {
    ENOSPC: 'the disk is full',
    EDQUOT: 'the disk quota is used up',
    ELOOP: 'its links lead in a circle',
    ENOENT: 'its folder does not exist',
    EACCES: isItself ? 'it may not be written' : 'its folder may not be written',
    EPIPE: 'whoever reads it has closed the pipe',
    EROFS: 'its disk is read-only',
  }
  const reason =
    (code === undefined ? undefined : reasons[code]) ?? (error instanceof Error ? error.message : String(error))
  return new DockerToolsError('WRITE_FAILED', `Cannot write "${path}": ${reason}`, { cause: error })
}
