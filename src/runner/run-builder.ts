import { mkdir, readlink, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DockerToolsError, ScriptError } from '#errors'
import { withReporter } from '#events'
import { makeTempDir, spawnChecked } from '#util'
import type { BuilderCommand, BuilderJob } from './builder-job.ts'
import { SANDBOX_PROGRAM, sandboxArguments } from './builder-sandbox.ts'
import { runOpenly } from './run-openly.ts'
import { scriptEnvironment } from './script-environment.ts'
import type { Availability } from './store-view.ts'
import { writeBuildFiles } from './write-build-files.ts'

/** What the sandbox shows it as. */
const BUILD_FOLDER = '/build'

/**
 * Runs a builder to its end, in namespaces of its own: it sees its inputs and
 * the machine's programs, writes its outputs and temporary files, has no
 * network, and leaves no process. Its output becomes events.
 *
 * Where the machine gives no namespaces, it runs without them if its inputs are
 * at their place, and that is reported as the warning `NOT_ISOLATED`.
 *
 * @throws {ScriptError} `SCRIPT_FAILED` if it fails or takes too long.
 * @throws {DockerToolsError} `INTERRUPTED`; without namespaces `STORE_UNAVAILABLE`, `OUTPUT_INVALID`.
 */
export async function runBuilder(job: BuilderJob): Promise<void> {
  const isolation = await probeIsolation()
  const limit = job.timeLimitSeconds === undefined ? undefined : AbortSignal.timeout(job.timeLimitSeconds * 1000)
  const signals = [job.signal, limit].filter((signal) => signal !== undefined)
  try {
    const signal = signals.length === 0 ? undefined : AbortSignal.any(signals)
    if (isolation.isAvailable) await runInSandbox(job, signal)
    else await runOpenly(job, isolation.reason, signal)
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
  const none = { inputs: [], hasNetwork: false, timeLimitSeconds: undefined, signal: undefined }
  const folders = { storeDir: '/nix/store', outputsFolder, buildFolder, scratch }
  const job = { ...none, ...folders, step: 'a builder', command: succeed }
  try {
    // What it says is the reason, and told as such.
    await withReporter(ignore, () => runInSandbox(job, AbortSignal.timeout(30_000)))
    return { isAvailable: true }
  } catch (error) {
    if (!(error instanceof DockerToolsError)) throw error
    const said = error instanceof ScriptError ? error.stderrTail.trim() : ''
    return { isAvailable: false, reason: said === '' ? error.message : said }
  }
}

function succeed(): BuilderCommand {
  return { program: '/bin/true', args: [], env: {}, files: new Map() }
}

function ignore(): void {
  // A probe tells nobody.
}

async function runInSandbox(job: BuilderJob, signal: AbortSignal | undefined): Promise<void> {
  const [root, binds, variables] = ['root', 'binds', 'variables'].map((name) => join(job.scratch, name)) as [
    string,
    string,
    string,
  ]
  const { program, args, env, files } = job.command({ buildFolder: BUILD_FOLDER, placeOf: (path) => path })
  await mkdir(root)
  await writeBuildFiles(job.buildFolder, files)
  await makeMountPoints(job)
  const mounted = job.inputs.filter(({ kind }) => kind !== 'symlink')
  await writeFile(binds, mounted.map(({ physical, logical }) => `${physical}\0${logical}\0`).join(''))
  await writeFile(
    variables,
    Object.entries(env)
      .map(([name, value]) => `${name}=${value}\0`)
      .join(''),
  )
  const view = [root, job.storeDir, job.outputsFolder, binds, job.buildFolder, job.hasNetwork ? 'network' : '']
  const sandbox = ['bash', '-c', SANDBOX_PROGRAM, 'sandbox', ...view, variables]
  await spawnChecked('unshare', [...sandboxArguments(job.hasNetwork), ...sandbox, program, ...args], {
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
