import { writeSync } from 'node:fs'
import { DockerToolsError, systemErrorCode } from '#errors'

/** How long to wait for the reader of a pipe that whoever started us has made non-blocking. */
const RETRY_MS = 5

/**
 * Writes text to standard output. `process.stdout` would end the program with a crash where nobody reads it any more.
 *
 * @throws {DockerToolsError} `WRITE_FAILED`.
 */
export function printOut(text: string): void {
  writeStdout(Buffer.from(text, 'utf8'))
}

/**
 * As `printOut`, of a text for people, who may have seen enough of it: a closed pipe is no error.
 *
 * @throws {DockerToolsError} `WRITE_FAILED`.
 */
export function printText(text: string): void {
  try {
    printOut(text)
  } catch (error) {
    if (!(error instanceof DockerToolsError) || systemErrorCode(error.cause) !== 'EPIPE') throw error
  }
}

/** Writes bytes to standard output. @throws {DockerToolsError} `WRITE_FAILED`. */
export function writeStdout(chunk: Uint8Array): void {
  let done = 0
  while (done < chunk.length) {
    try {
      done += writeSync(1, chunk, done)
    } catch (error) {
      if (systemErrorCode(error) !== 'EAGAIN') throw stdoutFailure(error)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
    }
  }
}

export function stdoutFailure(error: unknown): DockerToolsError {
  const code = systemErrorCode(error)
  const reason =
    code === 'EPIPE' || code === 'ECONNRESET'
      ? 'whoever reads it has closed the pipe'
      : code === 'ENOSPC'
        ? 'the disk is full'
        : error instanceof Error
          ? error.message
          : String(error)
  return new DockerToolsError('WRITE_FAILED', `Cannot write to standard output: ${reason}`, { cause: error })
}
