import { mkdir, readlink, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DockerToolsError } from '#errors'
import { report } from '#events'
import { spawnChecked } from '#util'
import { scriptEnvironment } from './script-environment.ts'
import { probeStoreView, STORE_VIEW_PROGRAM, type StoreBind, unshareArguments } from './store-view.ts'

/** A script of a definition, and where it runs. */
export interface ScriptJob {
  /** The argument it comes from, such as `extraCommands`. */
  readonly step: string
  readonly script: string
  /** Working directory. */
  readonly cwd: string
  /** An empty folder for everything the run needs besides. */
  readonly scratch: string
  readonly storeDir: string
  /** Store paths that are not on disk at their logical place and have to be shown there. */
  readonly binds: readonly StoreBind[]
  /** Whether the script cannot do without them: it names one. */
  readonly needsBinds: boolean
  readonly signal: AbortSignal | undefined
  /** A program that bash is started by, with its arguments. Default: none. */
  readonly wrapper?: readonly string[]
  /** A file that will say, behind a colon, which process is a daemon of that program, to be ended with it. */
  readonly daemonNote?: string | undefined
  /** Variables besides those that every script has. */
  readonly environment?: Readonly<Record<string, string>>
  readonly timeoutSeconds?: number | undefined
  /** Default: `STRICT_BASH`. */
  readonly bashOptions?: readonly string[]
}

/** As Nix's standard environment runs scripts: stopping at the first failure, in a pipe too. */
export const STRICT_BASH: readonly string[] = ['-e', '-o', 'pipefail', '-O', 'nullglob']

/** The script is a file, so that its lines are counted as its own. */
const SOURCE_FILE = ['-c', 'umask 022; source "$1"']

/**
 * A process beside the script that ends it when this program is gone without a word: its end of the pipe is then closed.
 * A process group does not end with the one who made it.
 */
const WATCHED = `
note=$1
shift
{ cat; [ ! -e "$note" ] || { IFS=: read -r _ pid; kill -KILL "$pid"; } < "$note"; kill -KILL 0; } <&3 > /dev/null 2>&1 &
exec 3<&-
exec "$@"
`

/**
 * Runs a script with bash, umask 022, a fixed environment and
 * its own temp directory, as the user that builds.
 *
 * Where store paths are not at their logical place, it runs in a mount
 * namespace that shows them there.
 *
 * @throws {ScriptError} `SCRIPT_FAILED`.
 * @throws {DockerToolsError} `PROGRAM_MISSING`, `INTERRUPTED`; `STORE_UNAVAILABLE` if the
 *   script names store paths that cannot be shown to it.
 */
export async function runScript(job: ScriptJob): Promise<void> {
  const temp = join(job.scratch, 'tmp')
  const file = join(job.scratch, job.step)
  await mkdir(temp)
  await writeFile(file, `${job.script}\n`)
  const { step, cwd, signal, timeoutSeconds } = job
  const options = { step, cwd, env: { ...scriptEnvironment(temp), ...job.environment }, signal, timeoutSeconds }
  const command = [...(job.wrapper ?? []), 'bash', ...(job.bashOptions ?? STRICT_BASH), ...SOURCE_FILE, step, file]
  const isShown = job.binds.length > 0 && canShow(job)
  const view = isShown ? ['unshare', ...unshareArguments(), ...(await prepareView(job))] : []
  const watched = ['--norc', '-c', WATCHED, 'watched', job.daemonNote ?? '', ...view, ...command]
  await spawnChecked('bash', watched, { ...options, descriptors: ['pipe'] })
}

/** False where the script may well do without; it is told then that it has to. */
function canShow(job: ScriptJob): boolean {
  const probe = probeStoreView()
  if (probe.isAvailable) return true
  const what = `its store paths are not at "${job.storeDir}", and cannot be shown there: ${probe.reason}`
  if (job.needsBinds) {
    throw new DockerToolsError('STORE_UNAVAILABLE', `Cannot run ${job.step}: ${what}`, {
      hint: 'Allow user namespaces, or use a store that is on this machine',
    })
  }
  report({ type: 'warning', code: 'STORE_NOT_SHOWN', message: `${job.step} runs without the store: ${what}` })
  return false
}

async function prepareView(job: ScriptJob): Promise<string[]> {
  const [root, points, list] = ['view', 'points', 'binds'].map((name) => join(job.scratch, name)) as [
    string,
    string,
    string,
  ]
  await mkdir(root)
  await mkdir(points)
  for (const bind of job.binds) {
    const point = join(points, basename(bind.logical))
    if (bind.kind === 'directory') await mkdir(point)
    else if (bind.kind === 'file') await writeFile(point, '')
    // A mount would follow it.
    else await symlink(await readlink(bind.physical), point)
  }
  const mounted = job.binds.filter((bind) => bind.kind !== 'symlink')
  await writeFile(list, mounted.map((bind) => `${bind.physical}\0${bind.logical}\0`).join(''))
  return ['bash', '-e', '-c', STORE_VIEW_PROGRAM, 'store-view', root, job.storeDir, points, list, job.cwd]
}
