import { execFile } from 'node:child_process'
import { DockerToolsError, ScriptError, systemErrorCode } from '#errors'

/** Far more than a path, or a page of complaints, takes. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024
const STDERR_TAIL_CHARACTERS = 4096

/** What a program of Nix answered. */
export type NixAnswer =
  | { readonly type: 'done'; readonly output: string }
  | { readonly type: 'failed'; readonly errorOutput: string }
  | { readonly type: 'missing' }

/** How a program of Nix is run. */
export interface NixCall {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly signal: AbortSignal | undefined
}

/**
 * Runs a program of the machine's Nix.
 *
 * @throws {DockerToolsError} `INTERRUPTED`.
 */
export function runNix(
  program: string,
  args: readonly string[],
  { environment, cwd, signal }: NixCall,
): Promise<NixAnswer> {
  return new Promise((resolve, reject) => {
    const options = { env: environment, cwd, maxBuffer: MAX_ANSWER_BYTES, ...(signal === undefined ? {} : { signal }) }
    execFile(program, args, options, (error, output, errorOutput) => {
      if (error === null) return resolve({ type: 'done', output })
      if (signal?.aborted === true) {
        return reject(
          new DockerToolsError('INTERRUPTED', `Cannot ask ${program}: the work was stopped`, { cause: error }),
        )
      }
      if (systemErrorCode(error) === 'ENOENT') return resolve({ type: 'missing' })
      return resolve({ type: 'failed', errorOutput })
    })
  })
}

/** What is thrown where Nix cannot give a package. */
export function nixFailed(attribute: string, errorOutput: string): ScriptError {
  const stderrTail = errorOutput.slice(-STDERR_TAIL_CHARACTERS)
  return new ScriptError(`Cannot get package "${attribute}": Nix failed; it said:\n${stderrTail.trimEnd()}`, {
    step: 'nixpkgs',
    exitCode: undefined,
    signal: undefined,
    stderrTail,
  })
}
