/**
 * The error classes and every error code. Callers branch on `code`, never on
 * the text: a code is stable, a message may be improved.
 *
 * `docs/errors.md` is generated from the table below.
 */

/** A stable name for what went wrong. */
export type ErrorCode =
  | 'USAGE'
  | 'DEFINITION_INVALID'
  | 'LAYER_LIMIT'
  | 'NOT_IMPLEMENTED'
  | 'STORE_PATH_INVALID'
  | 'STORE_PATH_MISSING'
  | 'STORE_UNAVAILABLE'
  | 'FORMAT_INVALID'
  | 'FORMAT_UNSUPPORTED'
  | 'LIMIT_EXCEEDED'
  | 'PATH_UNSAFE'
  | 'TRUNCATED'
  | 'FILE_UNREADABLE'
  | 'FILE_CHANGED'
  | 'FILE_TYPE_UNSUPPORTED'
  | 'WRITE_FAILED'
  | 'DIGEST_MISMATCH'
  | 'SIZE_MISMATCH'
  | 'SIGNATURE_INVALID'
  | 'TRANSFER_FAILED'
  | 'ACCESS_DENIED'
  | 'IMAGE_MISSING'
  | 'CREDENTIALS_UNAVAILABLE'
  | 'ENGINE_UNAVAILABLE'
  | 'ENGINE_FAILED'
  | 'SCRIPT_FAILED'
  | 'OUTPUT_INVALID'
  | 'NOT_REPRODUCIBLE'
  | 'PROGRAM_MISSING'
  | 'PACKAGE_MISSING'
  | 'RUNNER_UNAVAILABLE'
  | 'INTERRUPTED'
  | 'INTERNAL'

/** What each code means, for `docs/errors.md`. The number is the exit status of the command line. */
export const ERROR_CODES: Readonly<Record<ErrorCode, readonly [exitCode: number, meaning: string]>> = {
  USAGE: [2, 'The command line cannot be understood: an unknown command or option, or a value that is missing.'],
  DEFINITION_INVALID: [
    2,
    'A definition or argument is wrong: an unknown argument, a wrong type, a value out of range.',
  ],
  LAYER_LIMIT: [2, '`maxLayers` is too small: not above 1, or used up by the base image.'],
  NOT_IMPLEMENTED: [
    2,
    'What is asked for is known, but not done by this package, or not on such a machine. It is refused rather than ignored.',
  ],
  STORE_PATH_INVALID: [2, 'A text that should be a store path is none: wrong store folder, hash part or name.'],
  STORE_PATH_MISSING: [1, 'No store that was asked has this path.'],
  STORE_UNAVAILABLE: [1, 'A store cannot be opened or read: no Nix here, no such folder, a broken database.'],
  FORMAT_INVALID: [
    1,
    'Foreign data does not have its format: a tar, NAR, JSON, narinfo or compressed stream that is broken.',
  ],
  FORMAT_UNSUPPORTED: [1, 'Foreign data has a format that is known but not supported.'],
  LIMIT_EXCEEDED: [
    1,
    'A limit on foreign data, or on what a script may take, was passed. The message names the limit.',
  ],
  PATH_UNSAFE: [1, 'A name in foreign data would lead outside: absolute, with `..`, with NUL, or through a link.'],
  TRUNCATED: [1, 'A stream ended before it was complete.'],
  FILE_UNREADABLE: [1, 'A file or folder of the source tree cannot be read.'],
  FILE_CHANGED: [1, 'A file changed, grew, shrank or vanished while it was read.'],
  FILE_TYPE_UNSUPPORTED: [1, 'A source tree holds something that an image cannot hold, such as a socket.'],
  WRITE_FAILED: [1, 'The result cannot be written: disk full, no permission, closed pipe.'],
  DIGEST_MISMATCH: [3, 'Data does not have the digest it should have.'],
  SIZE_MISMATCH: [3, 'Data does not have the size it should have.'],
  SIGNATURE_INVALID: [3, 'A binary cache gives no signature by a trusted key for a path.'],
  TRANSFER_FAILED: [1, 'A network transfer failed and was tried often enough.'],
  ACCESS_DENIED: [1, 'A registry does not let this user do that, or wants to know who it is.'],
  IMAGE_MISSING: [1, 'A registry has no such repository, tag or digest.'],
  CREDENTIALS_UNAVAILABLE: [1, 'A credential helper failed, so that it is not known who this user is.'],
  ENGINE_UNAVAILABLE: [1, 'No container engine answers where one was looked for.'],
  ENGINE_FAILED: [1, 'A container engine refused an image, or went away while it was given one.'],
  SCRIPT_FAILED: [1, 'A script or builder of the definition exited with a status other than 0.'],
  OUTPUT_INVALID: [1, 'A builder ended well, but did not make what it should have, or made something else.'],
  NOT_REPRODUCIBLE: [1, 'What was made again differs from what was made before.'],
  PROGRAM_MISSING: [1, 'A program that is needed, or a library of one, is not on this machine.'],
  PACKAGE_MISSING: [1, 'Neither a lock file nor Nix gives a package that is asked for.'],
  RUNNER_UNAVAILABLE: [
    1,
    'No way to run a script that is allowed here can do what the script needs, or the one asked for cannot.',
  ],
  INTERRUPTED: [130, 'The work was stopped by a signal or an `AbortSignal`.'],
  INTERNAL: [70, 'A bug of this package.'],
}

/** What an error may carry besides its message. */
export interface DockerToolsErrorOptions {
  /** What the reader can do about it, as one sentence without a full stop. */
  readonly hint?: string
  readonly cause?: unknown
}

/** Every error that leaves this package is one of these. */
export class DockerToolsError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, options: DockerToolsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }

  static {
    this.prototype.name = 'DockerToolsError'
  }
}

/** Data that is not what it was promised to be: another digest, size or signature. */
export class IntegrityError extends DockerToolsError {
  readonly expected: string
  readonly actual: string

  constructor(
    code: 'DIGEST_MISMATCH' | 'SIZE_MISMATCH' | 'SIGNATURE_INVALID',
    message: string,
    options: DockerToolsErrorOptions & { readonly expected: string; readonly actual: string },
  ) {
    super(code, message, options)
    this.expected = options.expected
    this.actual = options.actual
  }

  static {
    this.prototype.name = 'IntegrityError'
  }
}

/** A network transfer that failed. `url` never holds credentials or a query. */
export class TransferError extends DockerToolsError {
  readonly status: number | undefined
  readonly url: string

  constructor(
    message: string,
    options: DockerToolsErrorOptions & {
      readonly url: string
      readonly status?: number | undefined
      readonly code?: ErrorCode
    },
  ) {
    super(options.code ?? 'TRANSFER_FAILED', message, options)
    this.status = options.status
    this.url = options.url
  }

  static {
    this.prototype.name = 'TransferError'
  }
}

/** A script of the definition that failed. */
export class ScriptError extends DockerToolsError {
  /** The argument the script came from, such as `extraCommands`. */
  readonly step: string
  /** The exit status, or undefined where a signal ended the script. */
  readonly exitCode: number | undefined
  readonly signal: string | undefined
  /** The end of what the script wrote to standard error. */
  readonly stderrTail: string

  constructor(
    message: string,
    options: DockerToolsErrorOptions & {
      readonly step: string
      readonly exitCode: number | undefined
      readonly signal: string | undefined
      readonly stderrTail: string
    },
  ) {
    super('SCRIPT_FAILED', message, options)
    this.step = options.step
    this.exitCode = options.exitCode
    this.signal = options.signal
    this.stderrTail = options.stderrTail
  }

  static {
    this.prototype.name = 'ScriptError'
  }
}

/** The `code` of a system error (`ENOENT`, …), or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/**
 * One of our errors where `cause` says that a disk is full; anything else is passed on.
 *
 * @param what As in "write temporary files".
 */
export function fullDiskError(what: string, cause: unknown): unknown {
  const code = systemErrorCode(cause)
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return cause
  return new DockerToolsError('WRITE_FAILED', `Cannot ${what}: the disk is full`, { cause })
}

/** The exit status of the command line for an error of any kind. */
export function exitCodeOf(error: unknown): number {
  return error instanceof DockerToolsError ? ERROR_CODES[error.code][0] : ERROR_CODES.INTERNAL[0]
}
