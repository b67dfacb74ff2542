import { mkdir, readlink, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DockerToolsError, ScriptError } from '#errors'
import { makeTempDir, spawnChecked } from '#util'
import { SANDBOX_PROGRAM, sandboxArguments } from './builder-sandbox.ts'
import { scriptEnvironment } from './script-environment.ts'
import type { Availability, StoreBind } from './store-view.ts'

/** A builder, and what it is to see. */
export interface BuilderJob {
  /** For messages, such as `the builder of "hello"`. */
  readonly step: string
  /** Absolute. */
  readonly program: string
  readonly args: readonly string[]
  /** All of it, and nothing else. */
  readonly env: Readonly<Record<string, string>>
  /** The store's logical folder. */
  readonly storeDir: string
  /** What the builder writes into the store's folder appears here. Holds a mount point for each input afterwards. */
  readonly outputsFolder: string
  /** Shown as `/build`, where the builder starts. */
  readonly buildFolder: string
  /** An empty folder for everything the run needs besides. */
  readonly scratch: string
  readonly inputs: readonly StoreBind[]
  /** Only what has to have a known content may ask others for it. */
  readonly hasNetwork: boolean
  /** After which it is stopped; without it, never. */
  readonly timeLimitSeconds: number | undefined
  readonly signal: AbortSignal | undefined
}

/**
 * Runs a builder to its end, in namespaces of its own: it sees its inputs and
 * the machine's programs, writes its outputs and temporary files, has no
 * network, and leaves no process. Its output becomes events.
 *
 * @throws {ScriptError} `SCRIPT_FAILED` if it fails or takes too long.
 * @throws {DockerToolsError} `INTERRUPTED`; `STORE_UNAVAILABLE` where the machine gives no namespaces.
 */
export async function runBuilder(job: BuilderJob): Promise<void> {
  const isolation = await probeIsolation()
  if (!isolation.isAvailable) {
    throw new DockerToolsError(
      'STORE_UNAVAILABLE',
      `Cannot run ${job.step}: it has to see the store at "${job.storeDir}", and cannot be shown it: ${isolation.reason}`,
      { hint: 'Allow user namespaces, or let an installed Nix build with --builder nix' },
    )
  }
  const limit = job.timeLimitSeconds === undefined ? undefined : AbortSignal.timeout(job.timeLimitSeconds * 1000)
  const signals = [job.signal, limit].filter((signal) => signal !== undefined)
  try {
    await runInSandbox(job, signals.length === 0 ? undefined : AbortSignal.any(signals))
  } catch (error) {
    if (limit?.aborted !== true || job.signal?.aborted === true) throw error
    throw tookTooLong(job, error)
  }
}

let isolation: Promise<Availability> | undefined

/** Tries it, once a process: what a system says it has and what it lets a user do are two things. */
export async function probeIsolation(): Promise<Availability> {
  isolation ??= tryIsolation()
  return await isolation
}

async function tryIsolation(): Promise<Availability> {
  await using temp = await makeTempDir('probe-')
  const [outputsFolder, buildFolder, scratch] = ['store', 'build', 'run'].map((name) => join(temp.path, name)) as [
    string,
    string,
    string,
  ]
  for (const folder of [outputsFolder, buildFolder, scratch]) await mkdir(folder)
  const none = { args: [], env: {}, inputs: [], hasNetwork: false, timeLimitSeconds: undefined, signal: undefined }
  const folders = { storeDir: '/nix/store', outputsFolder, buildFolder, scratch }
  const job = { ...none, ...folders, step: 'a builder', program: '/bin/true' }
  try {
    await runInSandbox(job, AbortSignal.timeout(30_000))
    return { isAvailable: true }
  } catch (error) {
    if (!(error instanceof DockerToolsError)) throw error
    const said = error instanceof ScriptError ? error.stderrTail.trim() : ''
    return { isAvailable: false, reason: said === '' ? error.message : said }
  }
}

async function runInSandbox(job: BuilderJob, signal: AbortSignal | undefined): Promise<void> {
  const [root, binds, variables] = ['root', 'binds', 'variables'].map((name) => join(job.scratch, name)) as [
    string,
    string,
    string,
  ]
  await mkdir(root)
  await makeMountPoints(job)
  const mounted = job.inputs.filter(({ kind }) => kind !== 'symlink')
  await writeFile(binds, mounted.map(({ physical, logical }) => `${physical}\0${logical}\0`).join(''))
  await writeFile(
    variables,
    Object.entries(job.env)
      .map(([name, value]) => `${name}=${value}\0`)
      .join(''),
  )
  const view = [root, job.storeDir, job.outputsFolder, binds, job.buildFolder, job.hasNetwork ? 'network' : '']
  const sandbox = ['bash', '-c', SANDBOX_PROGRAM, 'sandbox', ...view, variables]
  await spawnChecked('unshare', [...sandboxArguments(job.hasNetwork), ...sandbox, job.program, ...job.args], {
    step: job.step,
    cwd: '/',
    env: scriptEnvironment(job.scratch),
    signal,
    descriptors: ['pipe'],
  })
}

async function makeMountPoints({ inputs, outputsFolder }: BuilderJob): Promise<void> {
  for (const { logical, physical, kind } of inputs) {
    const point = join(outputsFolder, basename(logical))
    if (kind === 'directory') await mkdir(point)
    else if (kind === 'file') await writeFile(point, '')
    // A mount would follow it.
    else await symlink(await readlink(physical), point)
  }
}

function tookTooLong({ step, timeLimitSeconds }: BuilderJob, cause: unknown): ScriptError {
  return new ScriptError(
    `Cannot finish ${step}: it was stopped after ${timeLimitSeconds} seconds, it should end before that`,
    { step, exitCode: undefined, signal: 'SIGKILL', stderrTail: '', cause },
  )
}
