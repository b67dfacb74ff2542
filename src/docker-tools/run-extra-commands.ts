import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { runScript } from '#runner'
import type { Store, StorePath } from '#store'
import { makeTempDir } from '#util'
import { addNixDatabase, type NixDatabaseInput } from './add-nix-database.ts'
import { findBinds } from './script-store.ts'

/** A folder in which the script has run. */
export interface CustomisedRoot extends AsyncDisposable {
  /** The image's root on disk. */
  readonly path: string
}

/** What `extraCommands` runs with. */
export interface ExtraCommandsJob {
  /** Puts on disk what the root holds before, at this path: nothing is there yet. */
  populate(root: string): Promise<void>
  /** The Nix database that is put there before the script runs. */
  readonly nixDatabase: NixDatabaseInput | undefined
  readonly script: string
  /** Store paths that the script may want to see: the closure of what it and the tree name. */
  readonly visible: readonly StorePath[]
  /** Whether the script's own text names one of them. */
  readonly namesStorePaths: boolean
  readonly store: Store
  readonly signal: AbortSignal | undefined
  readonly timeoutSeconds: number | undefined
}

/**
 * Puts the contents on disk, with the Nix database where it is wanted, and runs
 * `extraCommands` there, if there are any. Store paths that are not on this
 * machine are unpacked for the script to see.
 *
 * @throws {ScriptError} `SCRIPT_FAILED`.
 * @throws {DockerToolsError} `INTERRUPTED`, `PROGRAM_MISSING`, `STORE_UNAVAILABLE`.
 */
export async function runExtraCommands(job: ExtraCommandsJob): Promise<CustomisedRoot> {
  await using stack = new AsyncDisposableStack()
  const scratch = stack.use(await makeTempDir('root-'))
  const root = join(scratch.path, 'root')
  await job.populate(root)
  if (job.nixDatabase !== undefined) addNixDatabase(root, job.nixDatabase)
  if (job.script !== '') await runIn(root, scratch.path, job)
  const owner = stack.move()
  return { path: root, [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()) }
}

async function runIn(root: string, scratch: string, job: ExtraCommandsJob): Promise<void> {
  const run = join(scratch, 'run')
  await mkdir(run)
  const binds = await findBinds(job.visible, job.store, join(scratch, 'store'))
  await runScript({
    step: 'extraCommands',
    script: job.script,
    cwd: root,
    scratch: run,
    storeDir: job.store.dir,
    binds: binds.filter(({ logical, physical }) => logical !== physical),
    needsBinds: job.namesStorePaths,
    signal: job.signal,
    timeoutSeconds: job.timeoutSeconds,
    ...(job.nixDatabase === undefined ? {} : { environment: nixVariables(root) }),
  })
}

/** With these, the commands of Nix work on the store in the root. Nix wants to know a user's name. */
function nixVariables(root: string): Readonly<Record<string, string>> {
  return { NIX_REMOTE: `local?root=${root}`, USER: 'nobody' }
}
