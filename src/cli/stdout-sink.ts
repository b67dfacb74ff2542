import { spawn } from 'node:child_process'
import { fstatSync } from 'node:fs'
import { isatty } from 'node:tty'
import { DockerToolsError } from '#errors'
import { type EndedSink, pipeSink } from './pipe-sink.ts'
import { stdoutFailure, writeStdout } from './print-out.ts'

/** Image bytes to a terminal would only wreck it. */
export function refuseTerminal(command: string): void {
  if (!isatty(1)) return
  throw new DockerToolsError('USAGE', `Cannot ${command} to a terminal: the result is an archive`, {
    hint: 'Send it somewhere: dockertools stream image.json | docker load',
  })
}

/**
 * Standard output for an archive. A pipe is written without blocking the
 * thread, so that an interrupt is heard while the reader is slow.
 */
export function openStdout(): EndedSink {
  const stats = fstatSync(1)
  return stats.isFIFO() || stats.isSocket()
    ? pipedStdout()
    : { write: writeStdout, end: () => Promise.resolve(), discard: () => undefined }
}

/** Below this, a larger pipe would save less time than asking for it takes. */
const WORTH_A_LARGE_PIPE_BYTES = 8 * 1024 * 1024

/** `fcntl(STDOUT, F_SETPIPE_SZ, 1 MiB)`: the most that an ordinary user may have. */
const ENLARGE_PIPE = 'fcntl(STDOUT, 1031, 1048576)'

/**
 * Makes the pipe that is standard output 16 times as large, so that this process
 * and the reader wake each other that much less often: a tenth of the time of a
 * large stream. Node cannot ask for it, Perl can, and is in nearly every base
 * system; without it, or where the system refuses, all stays as it is.
 */
function enlargePipe(): void {
  const perl = spawn('perl', ['-e', ENLARGE_PIPE], { stdio: ['ignore', 1, 'ignore'] })
  perl.on('error', () => undefined)
  perl.unref()
}

function pipedStdout(): EndedSink {
  let smallBytes = 0
  const sink = pipeSink(1, (chunk) => {
    if (smallBytes >= WORTH_A_LARGE_PIPE_BYTES) return
    smallBytes += chunk.length
    if (smallBytes >= WORTH_A_LARGE_PIPE_BYTES) enlargePipe()
  })
  return {
    write: (chunk) => Promise.resolve(sink.write(chunk)).catch(throwStdoutFailure),
    end: () => sink.end().catch(throwStdoutFailure),
    discard: () => sink.discard(),
  }
}

function throwStdoutFailure(error: unknown): never {
  throw stdoutFailure(error)
}
