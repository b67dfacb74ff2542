import { type ChildProcess, spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'

/** A program to start: argument arrays, never shell text. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** An open file that stands for its standard output. */
  readonly output?: number
}

/** How a program ended. */
export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A program that hangs is a failure, not a reason to wait for ever. */
const TIMEOUT_MS = 120_000

/** Runs a program and waits for its end, however that is. */
export async function attempt(command: Command): Promise<Outcome> {
  return finish(
    spawn(command.program, command.args, {
      ...placeOf(command),
      stdio: ['ignore', command.output ?? 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
    }),
  )
}

/** Runs a program that has to succeed, and gives its standard output. */
export async function run(command: Command): Promise<string> {
  return succeeded(command, await attempt(command))
}

/** `first | second`: both have to succeed. Gives the standard output of the second. */
export async function pipe(first: Command, second: Command): Promise<string> {
  const reader = spawn(second.program, second.args, {
    ...placeOf(second),
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
  })
  const writer = spawn(first.program, first.args, {
    ...placeOf(first),
    stdio: ['ignore', reader.stdin, 'pipe'],
    timeout: TIMEOUT_MS,
  })
  // The end is for the two programs alone: held open here as well, it would never be reached.
  reader.stdin.destroy()
  const [written, read] = await Promise.all([finish(writer), finish(reader)])
  succeeded(first, written)
  return succeeded(second, read)
}

function placeOf(command: Command) {
  return {
    env: { ...(command.env ?? process.env) },
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
  }
}

async function finish(child: ChildProcess): Promise<Outcome> {
  const [stdout, stderr, code] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    }),
  ])
  return { code, stdout, stderr }
}

function succeeded(command: Command, { code, stdout, stderr }: Outcome): string {
  if (code === 0) return stdout
  throw new Error(
    `${[command.program, ...command.args].join(' ').slice(0, 500)} ended with ${code}:\n${stderr}${stdout}`,
  )
}
