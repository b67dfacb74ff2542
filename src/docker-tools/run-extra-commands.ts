import { lstatSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { runScript, type StoreBind } from '#runner'
import type { Store, StorePath } from '#store'
import { unpackTree } from '#tree'
import { makeTempDir } from '#util'

/** A folder in which the script has run. */
export interface CustomisedRoot extends AsyncDisposable {
  /** The image's root on disk. */
  readonly path: string
}

/** What `extraCommands` runs with. */
export interface ExtraCommandsJob {
  /** Puts on disk what the root holds before, at this path: nothing is there yet. */
  populate(root: string): Promise<void>
  readonly script: string
  /** Store paths that the script may want to see: the closure of what it and the tree name. */
  readonly visible: readonly StorePath[]
  /** Whether the script's own text names one of them. */
  readonly namesStorePaths: boolean
  readonly store: Store
  readonly signal: AbortSignal | undefined
}

/**
 * Puts the contents on disk and runs `extraCommands` there. Store paths
 * that are not on this machine are unpacked for the script to see.
 *
 * @throws {ScriptError} `SCRIPT_FAILED`.
 * @throws {DockerToolsError} `INTERRUPTED`, `PROGRAM_MISSING`, `STORE_UNAVAILABLE`.
 */
export async function runExtraCommands(job: ExtraCommandsJob): Promise<CustomisedRoot> {
  await using stack = new AsyncDisposableStack()
  const scratch = stack.use(await makeTempDir('root-'))
  const root = join(scratch.path, 'root')
  const run = join(scratch.path, 'run')
  await job.populate(root)
  await mkdir(run)
  await runScript({
    step: 'extraCommands',
    script: job.script,
    cwd: root,
    scratch: run,
    storeDir: job.store.dir,
    binds: await findBinds(job, join(scratch.path, 'store')),
    needsBinds: job.namesStorePaths,
    signal: job.signal,
  })
  const owner = stack.move()
  return { path: root, [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()) }
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
