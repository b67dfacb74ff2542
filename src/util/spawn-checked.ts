import { spawn } from 'node:child_process'
import { DockerToolsError, ScriptError, systemErrorCode } from '#errors'
import { report } from '#events'

/** How to run a program, and what to call it in errors. */
export interface SpawnOptions {
  /** The argument or work the program belongs to, such as `extraCommands`. */
  readonly step: string
  readonly cwd: string
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /**
   * Whether the program gets a file descriptor 3 that ends with this process,
   * however that ends. What leads a process group of its own would not notice.
   */
  readonly hasLifeline?: boolean
}

/** How much of standard error an error carries. */
const STDERR_TAIL_BYTES = 4096

/**
 * Runs a program to its end, reporting its output as it comes. Standard output
 * and standard error both become events: stdout of the process is for images.
 *
 * The program leads a process group of its own, so that stopping it stops
 * whatever it has started as well.
 *
 * @throws {ScriptError} `SCRIPT_FAILED` if it exits with another status than 0 or is killed.
 * @throws {DockerToolsError} `PROGRAM_MISSING`, or `INTERRUPTED` when `signal` fires.
 */
export async function spawnChecked(program: string, args: readonly string[], options: SpawnOptions): Promise<void> {
  if (isAborted(options.signal)) throw interrupted(options.step)
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', options.hasLifeline === true ? 'pipe' : 'ignore'],
    detached: true,
  })
  const killGroup = (): void => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch (error) {
      if (systemErrorCode(error) !== 'ESRCH') throw error
    }
  }
  const killOnExit = (): void => killGroup()
  options.signal?.addEventListener('abort', killGroup, { once: true })
  process.once('exit', killOnExit)
  let stderrTail = ''
  // Both are pipes, as was asked for.
  const [stdout, stderr] = [child.stdout!, child.stderr!]
  stdout.setEncoding('utf8').on('data', (text: string) => report({ type: 'script-output', step: options.step, text }))
  stderr.setEncoding('utf8').on('data', (text: string) => {
    stderrTail = (stderrTail + text).slice(-STDERR_TAIL_BYTES)
    report({ type: 'script-output', step: options.step, text })
  })
  try {
    const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject)
      // A process that the script left in the background holds the pipes open: `close` would wait for it.
      child.once('exit', killGroup)
      child.once('close', (code, closeSignal) => resolve([code, closeSignal]))
    })
    if (isAborted(options.signal)) throw interrupted(options.step)
    if (exitCode !== 0) throw failure(options.step, exitCode, signal, stderrTail)
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error
    throw new DockerToolsError('PROGRAM_MISSING', `Cannot run ${options.step}: there is no program "${program}"`, {
      cause: error,
    })
  } finally {
    process.off('exit', killOnExit)
    options.signal?.removeEventListener('abort', killGroup)
  }
}

function interrupted(step: string): DockerToolsError {
  return new DockerToolsError('INTERRUPTED', `Cannot finish ${step}: it was interrupted`)
}

function failure(
  step: string,
  exitCode: number | null,
  signal: NodeJS.Signals | null,
  stderrTail: string,
): ScriptError {
  const how = exitCode === null ? `was killed by ${signal}` : `exited with status ${exitCode}`
  const tail = stderrTail.trimEnd()
  return new ScriptError(`Cannot finish ${step}: the script ${how}${tail === '' ? '' : `; it said:\n${tail}`}`, {
    step,
    exitCode: exitCode ?? undefined,
    signal: signal ?? undefined,
    stderrTail,
  })
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
