import { join } from 'node:path'
import { report } from '#events'
import type { PackedMember } from '#layer'
import {
  BUILD_EPOCH_SECONDS,
  type Changes,
  type JobPlan,
  type JobTrees,
  type OwnedEntry,
  type RunJob,
  runJob,
  runPlannedJob,
  scriptEnvironment,
} from '#runner'
import { type ByteString, makeTempDir } from '#util'
import { openBaseTree, visibleBase } from './base-tree.ts'
import type { BuildContext } from './build-context.ts'
import { changedMembers } from './changed-members.ts'
import {
  copyContents,
  type ImageLayer,
  type ImageLayerInput,
  members,
  nameOf,
  ROOT_WRITABLE,
  type RootScript,
} from './image-layer.ts'
import { missingMountPoints, removeMountPoints } from './mount-points.ts'
import { withNixDatabase } from './nix-database-members.ts'
import { findBinds } from './script-store.ts'
import type { StoredTrees } from './stored-trees.ts'
import { sortMembers, treeSource } from './tree-source.ts'

/**
 * Makes the layer of an image that has `runAsRoot`: the contents are laid over
 * the base, the script runs in there as root, and what is not as it was in the base
 * makes the layer, in which `extraCommands` runs.
 *
 * @throws {ScriptError} `SCRIPT_FAILED`.
 * @throws {DockerToolsError} as `runJob` and `openBaseTree`; `PATH_UNSAFE` for an image whose `/dev` is no folder.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `mkRootLayer`, `runWithOverlay`
 */
export async function makeRootLayer(
  input: ImageLayerInput,
  root: RootScript,
  trees: StoredTrees,
  context: BuildContext,
): Promise<ImageLayer> {
  await using stack = new AsyncDisposableStack()
  await using scratch = await makeTempDir('root-')
  const binds = await findBinds(input.visible, context.store, join(scratch.path, 'store'))
  const store = { dir: context.store.dir, binds, isNeeded: input.namesStorePaths }
  const limits = { diskMiB: root.diskMiB, memoryMiB: root.memoryMiB, timeoutSeconds: context.scriptTimeoutSeconds }
  const changes = await runAsRoot(input, root, { store, limits }, trees, context)
  stack.use(changes)
  let layer: readonly PackedMember[] = changedMembers(changes.entries, nameOf)
  if (input.nixDatabase !== undefined) layer = stack.use(await withNixDatabase(layer, input.nixDatabase)).members
  if (input.extraCommands !== '') {
    const job: RunJob = {
      step: 'extraCommands',
      script: input.nixDatabase === undefined ? input.extraCommands : NIX_VARIABLES + input.extraCommands,
      bashOptions: ['-e'],
      view: 'folder',
      base: undefined,
      upper: treeSource(layer),
      store,
      environment: environment(),
      limits: { diskMiB: undefined, memoryMiB: undefined, timeoutSeconds: context.scriptTimeoutSeconds },
    }
    layer = changedMembers(
      stack.use(await runJob(job, context.runner, context.signal, { kernel: context.vmKernel })).entries,
      nameOf,
    )
  }
  const owner = stack.move()
  return { members: layer, [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()) }
}

async function runAsRoot(
  input: ImageLayerInput,
  { script, base }: RootScript,
  { store, limits }: Pick<JobPlan, 'store' | 'limits'>,
  trees: StoredTrees,
  context: BuildContext,
): Promise<Changes> {
  await using stack = new AsyncDisposableStack()
  const plan: JobPlan = {
    step: 'runAsRoot',
    script,
    bashOptions: ['-e'],
    view: 'image',
    store,
    environment: environment(),
    limits,
  }
  // The runner does not wait for what the script runs on: both are at work at the same time.
  const found = findTrees(input, base, trees, context, stack)
  try {
    const changes = await runPlannedJob(plan, found, context.runner, context.signal, { kernel: context.vmKernel })
    const { visible } = await found
    const entries = removeMountPoints(changes.entries, visible, store.dir)
    return { entries, [Symbol.asyncDispose]: () => Promise.resolve(changes[Symbol.asyncDispose]()) }
  } finally {
    // What it opens is closed when all is over.
    await found.catch(() => undefined)
  }
}

/** The base, and what is laid over it: the contents, and folders to mount on. */
async function findTrees(
  input: ImageLayerInput,
  base: RootScript['base'],
  trees: StoredTrees,
  context: BuildContext,
  stack: AsyncDisposableStack,
): Promise<JobTrees & { readonly visible: readonly OwnedEntry[] }> {
  const tree = await copyContents(input, trees, context)
  if (input.contents.length > 0) tree.addRootMode(ROOT_WRITABLE)
  const contents = [...members(tree.entries(), { uid: 0, gid: 0 })]
  const baseTree = base === undefined ? undefined : stack.use(await openBaseTree(base, context.signal))
  const below = treeSource(visibleBase(baseTree?.members ?? [], contents), baseTree?.verified)
  const points = missingMountPoints([below.entries, treeSource(contents).entries], context.store.dir, ['tmp'])
  const upper = treeSource(sortMembers([...contents, ...points.map(folderMember)]))
  report({ type: 'step', message: 'Executing post-mount steps...' })
  return { base: baseTree === undefined ? undefined : below, upper, visible: below.entries }
}

/** As for a plain layer, on the line that is there, as only the runner knows where the root will be. */
const NIX_VARIABLES = 'export NIX_REMOTE="local?root=$PWD" USER=nobody; '

/** Nothing of the caller's, and no temp folder: that is the runner's or the image's. */
function environment(): Record<string, string> {
  const { PATH = '', HOME = '', TZ = '', LC_ALL = '', SOURCE_DATE_EPOCH = '' } = scriptEnvironment('/tmp')
  return { PATH, HOME, TZ, LC_ALL, SOURCE_DATE_EPOCH }
}

/** A folder that belongs to root. */
export function folderMember({ path, mode }: { readonly path: ByteString; readonly mode: number }): PackedMember {
  const owner = { uid: 0, gid: 0, uname: nameOf(0), gname: nameOf(0), mtimeSeconds: BUILD_EPOCH_SECONDS }
  return { header: { ...owner, path: `./${path}` as ByteString, mode, type: 'directory' } }
}
