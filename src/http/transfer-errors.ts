import { DockerToolsError, systemErrorCode, TransferError } from '#errors'
import { redactUrl } from './redact-url.ts'

/** Failures of a connection that may be gone at the next try. */
const PASSING_ERRORS: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
  'STALLED',
])
const PASSING_CLIENT_STATUSES: ReadonlySet<number> = new Set([408, 425, 429])
/** "Not implemented" and "HTTP version not supported" stay so. */
const LASTING_SERVER_STATUSES: ReadonlySet<number> = new Set([501, 505])

/** Whether a connection that failed so is worth another try. */
export function isPassingError(error: unknown): boolean {
  return PASSING_ERRORS.has(systemErrorCode(error) ?? '')
}

/** Whether an answer with that status may be another one at the next try. */
export function isPassingStatus(status: number): boolean {
  return PASSING_CLIENT_STATUSES.has(status) || (status >= 500 && !LASTING_SERVER_STATUSES.has(status))
}

/** The failure of a connection that is silent for too long. */
export class StallError extends Error {
  readonly code = 'STALLED'
}

/** Turns the failure of a connection into the error that leaves this package. */
export function connectionError(url: URL, error: unknown, signal: AbortSignal | undefined): Error {
  if (error instanceof DockerToolsError) return error
  if (signal?.aborted === true) return interrupted(url, signal)
  const shown = redactUrl(url)
  const code = systemErrorCode(error)
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new DockerToolsError('LIMIT_EXCEEDED', `Cannot fetch "${shown}": the headers of the answer are too long`, {
      cause: error,
    })
  }
  const reason = error instanceof Error && error.message !== '' ? error.message : (code ?? 'unknown')
  return new TransferError(`Cannot fetch "${shown}": ${reason}`, { url: shown, cause: error })
}

/** The error for a transfer that the caller stopped. */
export function interrupted(url: URL, signal: AbortSignal): DockerToolsError {
  return new DockerToolsError('INTERRUPTED', `Cannot fetch "${redactUrl(url)}": it was stopped`, {
    cause: signal.reason,
  })
}

/** An answer we cannot use. */
export function answerError(url: URL, status: number | undefined, what: string, hint?: string): TransferError {
  const shown = redactUrl(url)
  const options = hint === undefined ? {} : { hint }
  return new TransferError(`Cannot fetch "${shown}": ${what}`, { url: shown, status, ...options })
}

/** More bytes than the caller takes. */
export function tooLarge(url: URL, maxBytes: number): DockerToolsError {
  return new DockerToolsError(
    'LIMIT_EXCEEDED',
    `Cannot fetch "${redactUrl(url)}": the body is longer than ${maxBytes} bytes, the limit "maxBytes"`,
  )
}
