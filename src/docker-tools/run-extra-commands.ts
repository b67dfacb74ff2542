import { lstatSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { runScript, type StoreBind } from '#runner'
import type { Store, StorePath } from '#store'
import { unpackTree } from '#tree'
import { makeTempDir } from '#util'
import { addNixDatabase, type NixDatabaseInput } from './add-nix-database.ts'

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
  await runScript({
    step: 'extraCommands',
    script: job.script,
    cwd: root,
    scratch: run,
    storeDir: job.store.dir,
    binds: await findBinds(job, join(scratch, 'store')),
    needsBinds: job.namesStorePaths,
    signal: job.signal,
    ...(job.nixDatabase === undefined ? {} : { environment: nixVariables(root) }),
  })
}

/** With these, the commands of Nix work on the store in the root. Nix wants to know a user's name. */
function nixVariables(root: string): Readonly<Record<string, string>> {
  return { NIX_REMOTE: `local?root=${root}`, USER: 'nobody' }
}

/** Where the paths are that are not at their logical place, unpacked where they are nowhere. */
async function findBinds(job: ExtraCommandsJob, unpackedDirectory: string): Promise<StoreBind[]> {
  const elsewhere = job.visible.filter((path) => lstatSync(path, { throwIfNoEntry: false }) === undefined)
  if (elsewhere.length > 0) await mkdir(unpackedDirectory)
  const binds: StoreBind[] = []
  for (const logical of elsewhere) {
    const physical = (await job.store.realPath(logical)) ?? (await unpack(logical, unpackedDirectory, job.store))
    const stats = lstatSync(physical)
    const kind = stats.isSymbolicLink() ? 'symlink' : stats.isDirectory() ? 'directory' : 'file'
    binds.push({ logical, physical, kind })
  }
  return binds
}

async function unpack(path: StorePath, directory: string, store: Store): Promise<string> {
  const target = join(directory, path.slice(store.dir.length + 1))
  await unpackTree(store.entries(path), target)
  return target
}
