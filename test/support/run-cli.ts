import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { makeTempDir } from '#util'
import { BINARY } from './places.ts'

/** How the command line is run. */
export interface CliOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  readonly stdin?: string
  /** Runs as this user; only root can. */
  readonly uid?: number
  /** Octal, as the shell's `umask` takes it. */
  readonly umask?: string
  readonly node?: string
  readonly stdout?: 'pipe' | number
}

/** What came of it. */
export interface CliResult {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** A folder for one test: definitions, results, and a temp folder and cache of its own for the command line. */
export interface Bench extends AsyncDisposable {
  readonly path: string
  /** What is left in the command line's temp folder. */
  leftovers(): readonly string[]
  /** Runs the command line to its end. */
  run(args: readonly string[], options?: CliOptions): Promise<CliResult>
  start(args: readonly string[], options?: CliOptions): ChildProcess
  /** Lets every user write here. */
  openToAll(): void
}

export async function makeBench(): Promise<Bench> {
  const scratch = await makeTempDir('test-')
  const path = scratch.path
  for (const name of ['tmp', 'cache', 'home']) mkdirSync(join(path, name))
  const start = (args: readonly string[], options: CliOptions = {}): ChildProcess => {
    const { node = process.execPath, umask = '022' } = options
    const env = {
      PATH: process.env['PATH'],
      HOME: `${path}/home`,
      TMPDIR: `${path}/tmp`,
      XDG_CACHE_HOME: `${path}/cache`,
    }
    const spawnOptions: SpawnOptions = {
      cwd: options.cwd ?? path,
      env: { ...env, ...options.env },
      stdio: ['pipe', options.stdout ?? 'pipe', 'pipe'],
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    }
    return spawn('/bin/sh', ['-c', `umask ${umask}; exec "$0" "$@"`, node, BINARY, ...args], spawnOptions)
  }
  return {
    path,
    leftovers: () => readdirSync(join(path, 'tmp')),
    start,
    openToAll: () => {
      for (const name of ['', ...readdirSync(path)]) chmodSync(join(path, name), 0o777)
    },
    run: (args, options = {}) => {
      const child = start(args, options)
      child.stdin?.on('error', () => undefined)
      child.stdin?.end(options.stdin ?? '')
      return resultOf(child)
    },
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  }
}

/** Waits for a program to end, and gives what it wrote. */
export async function resultOf(child: ChildProcess): Promise<CliResult> {
  const stdout: Buffer[] = []
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, how) => resolve([code, how]))
  })
  return { status, signal, stdout: Buffer.concat(stdout), stderr }
}
