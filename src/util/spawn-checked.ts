import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Duplex, type Readable } from 'node:stream'
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
  /** The program is ended after so long. */
  readonly timeoutSeconds?: number | undefined
  /** What its time begins with. Default: its start. Where this rejects, it has as much time as it takes. */
  readonly timeBegins?: Promise<unknown>
  /** Takes what the program says on standard error, besides the report. */
  readonly onStderr?: (text: string) => void
  /** What it reads from standard input. */
  readonly input?: Uint8Array
  /**
   * What it has as descriptors 3, 4, …: a file that is open here, or a pipe to `talk` through. A pipe that nobody talks
   * through ends with this process, however that ends: what leads a process group of its own would not notice otherwise.
   */
  readonly descriptors?: readonly ('pipe' | number)[]
  /** Works with the pipes while the program runs. When it fails, the program is ended. */
  readonly talk?: (pipe: (descriptor: number) => Duplex) => Promise<void>
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
 * @throws {DockerToolsError} `PROGRAM_MISSING`, `INTERRUPTED` when `signal` fires, `LIMIT_EXCEEDED` when the time is
 *   up; and what `talk` throws.
 */
export async function spawnChecked(program: string, args: readonly string[], options: SpawnOptions): Promise<void> {
  await using _ended = await run(program, args, options, () => false)
}

/**
 * As `spawnChecked`, for a program that has something to clear away in the end: resolves once all has been talked
 * about and the program has closed its outputs.
 *
 * @param isEnough Asked after the talk: whether it does not matter any more how the program ends.
 * @returns Waits for the end when it is disposed of.
 */
export async function spawnUntilSaid(
  program: string,
  args: readonly string[],
  options: SpawnOptions & Required<Pick<SpawnOptions, 'talk'>>,
  isEnough: () => boolean,
): Promise<AsyncDisposable> {
  return await run(program, args, options, isEnough)
}

async function run(
  program: string,
  args: readonly string[],
  options: SpawnOptions,
  isEnough: () => boolean,
): Promise<AsyncDisposable> {
  if (isAborted(options.signal)) throw interrupted(options.step)
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...(options.descriptors ?? [])],
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
  let isLate = false
  using stack = new DisposableStack()
  stack.defer(() => {
    process.off('exit', killOnExit)
    options.signal?.removeEventListener('abort', killGroup)
  })
  using _timer = startTimer(options, () => {
    isLate = true
    killGroup()
  })
  let stderrTail = ''
  child.stdout
    ?.setEncoding('utf8')
    .on('data', (text: string) => report({ type: 'script-output', step: options.step, text }))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderrTail = (stderrTail + text).slice(-STDERR_TAIL_BYTES)
    options.onStderr?.(text)
    report({ type: 'script-output', step: options.step, text })
  })
  const pipes = child.stdio.slice(3).filter((stream) => stream instanceof Duplex)
  const pipeAt = (descriptor: number): Duplex => {
    const pipe = child.stdio[descriptor]
    if (pipe instanceof Duplex) return pipe
    throw new DockerToolsError('INTERNAL', `Cannot talk to ${program}: descriptor ${descriptor} is no pipe`)
  }
  try {
    const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject)
      // A process that the script left in the background holds the pipes open: `close` would wait for it.
      child.once('exit', killGroup)
      child.once('close', (code, closeSignal) => resolve([code, closeSignal]))
    })
    // A program that ends early breaks its pipes: what it was told shows itself in its status.
    for (const pipe of pipes) pipe.on('error', () => undefined)
    child.stdin?.on('error', () => undefined).end(options.input)
    let talkError: unknown
    const talked = (options.talk?.(pipeAt) ?? Promise.resolve()).catch((error: unknown) => {
      talkError = error
      killGroup()
    })
    const closed = talked.then(() => {
      if (options.talk !== undefined) for (const pipe of pipes) pipe.destroy()
      return ended
    })
    const said = talked.then(async () => {
      if (talkError !== undefined || !isEnough()) return await closed
      await Promise.all([child.stdout, child.stderr].map(closing))
      return undefined
    })
    const result = await Promise.race([said, closed, ended])
    if (isAborted(options.signal)) throw interrupted(options.step)
    if (result === undefined) {
      const left = stack.move()
      return {
        [Symbol.asyncDispose]: async () => {
          await ended.catch(() => undefined)
          left.dispose()
        },
      }
    }
    const [exitCode, signal] = result
    if (isLate) throw late(options)
    if (talkError instanceof DockerToolsError) throw talkError
    if (exitCode !== 0) throw failure(options.step, exitCode, signal, stderrTail)
    if (talkError !== undefined) throw talkError
    return NOTHING_LEFT
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error
    throw new DockerToolsError('PROGRAM_MISSING', `Cannot run ${options.step}: there is no program "${program}"`, {
      cause: error,
    })
  }
}

const NOTHING_LEFT: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.resolve() }

async function closing(stream: Readable | null): Promise<void> {
  if (stream !== null && !stream.closed) await once(stream, 'close')
}

function startTimer({ timeoutSeconds, timeBegins }: SpawnOptions, onLate: () => void): Disposable {
  let timer: NodeJS.Timeout | undefined
  let isOver = timeoutSeconds === undefined
  const start = (): void => {
    if (!isOver) timer = setTimeout(onLate, (timeoutSeconds ?? 0) * 1000)
  }
  if (timeBegins === undefined) start()
  else void timeBegins.then(start, () => undefined)
  return {
    [Symbol.dispose]: () => {
      isOver = true
      clearTimeout(timer)
    },
  }
}

function late({ step, timeoutSeconds }: SpawnOptions): DockerToolsError {
  return new DockerToolsError(
    'LIMIT_EXCEEDED',
    `Cannot finish ${step}: it takes longer than the time limit of ${timeoutSeconds} s`,
    { hint: 'Raise the time limit, or find out what the script waits for' },
  )
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
