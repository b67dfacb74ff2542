import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { runScript } from '#runner'
import type { Store, StorePath } from '#store'
import { makeTempDir } from '#util'
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
  const binds = await findBinds(job.visible, job.store, join(scratch.path, 'store'))
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
  })
  const owner = stack.move()
  return { path: root, [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()) }
}
