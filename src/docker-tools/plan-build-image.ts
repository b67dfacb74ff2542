import { report } from '#events'
import { type ImageBase, timestampOfNow } from '#image'
import { closure, type MeasuredNode, type StorePath, storePathHash } from '#store'
import type { BuildContext } from './build-context.ts'
import { identifyBuildImage } from './identify-build-image.ts'
import type { ImageLayerInput } from './image-layer.ts'
import { type DockerBaseImage, openDockerBaseImage } from './open-base-image.ts'
import { realiseInputs } from './realise-inputs.ts'
import type { ResolvedBuildImageArgs } from './resolve-build-image-args.ts'
import { StoredTrees } from './stored-trees.ts'

/** An image of `buildImage` with all that it is made of found, and nothing made yet. */
export interface BuildImagePlan extends AsyncDisposable {
  readonly base: DockerBaseImage | undefined
  readonly trees: StoredTrees
  readonly layerInput: ImageLayerInput
  /** The configuration before it is told of layers, its time resolved. */
  readonly imageBase: ImageBase
  /** Store paths that the configuration names. */
  readonly configReferences: readonly StorePath[]
  /** What the layer may refer to: upstream's build would not see anything else. */
  readonly known: readonly StorePath[]
  /** Bytes of all that the layer may hold. */
  readonly sizeHint: number
  imageTag(): Promise<string>
}

/**
 * Opens what an image is made of: its base, its contents, the stores' closure of them.
 *
 * @throws {DockerToolsError} as `openDockerBaseImage`, `STORE_PATH_MISSING`, `FILE_UNREADABLE`.
 */
export async function planBuildImage(given: ResolvedBuildImageArgs, context: BuildContext): Promise<BuildImagePlan> {
  if (given.isContentsDeprecated)
    report({ type: 'warning', code: 'CONTENTS_DEPRECATED', message: deprecation(given.name) })
  const identity = await identifyBuildImage(given, context)
  const { args, contents, configReferences, scriptPaths } = identity
  await realiseInputs(identity.inputs, context)
  await using stack = new AsyncDisposableStack()
  const choice = { name: args.fromImageName, tag: args.fromImageTag }
  const base =
    args.fromImage === null
      ? undefined
      : stack.use(await openDockerBaseImage(args.fromImage, context, args.architecture, choice))
  const trees = stack.use(new StoredTrees(context))
  const sizes = new Map<StorePath, number>()
  const closureNodes = async (roots: readonly StorePath[]): Promise<readonly MeasuredNode[]> => {
    const nodes = await closure(context.store, roots)
    for (const { path, narSize } of nodes) sizes.set(path, narSize)
    return nodes
  }
  const closurePaths = async (roots: readonly StorePath[]): Promise<StorePath[]> =>
    (await closureNodes(roots)).map((node) => node.path)
  const contentsNodes = await closureNodes(contents)
  const visible = unique([...contentsNodes.map((node) => node.path), ...(await closurePaths(scriptPaths))])
  const known = unique([...visible, ...(await closurePaths(configReferences))])
  const { runAsRoot, diskMiB, memoryMiB } = args
  const root = runAsRoot === null ? null : { script: runAsRoot, base, diskMiB, memoryMiB }
  // Where its virtual machine has the layer.
  const upstreamRoot = runAsRoot === null ? '/build/layer' : '/tmp/disk/layer'
  const owner = stack.move()
  return {
    base,
    trees,
    layerInput: {
      ...args,
      contents,
      visible,
      namesStorePaths: scriptPaths.length > 0,
      root,
      nixDatabase: args.includeNixDB ? { closure: contentsNodes, contents, upstreamRoot } : undefined,
    },
    imageBase: { architecture: args.architecture, config: args.config, created: createdText(args.created, context) },
    configReferences,
    known,
    sizeHint: sizes.values().reduce((sum, size) => sum + size, 0),
    imageTag: async () => args.tag ?? storePathHash(await identity.outputPath()),
    [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()),
  }
}

/** `now` as `date --iso-8601=seconds` prints it. */
function createdText(created: string, context: BuildContext): string {
  if (created !== 'now') return created
  return timestampOfNow(Math.floor(context.now() / 1000) * 1000).isoFormat
}

function deprecation(name: string): string {
  return (
    `in docker image ${name}: The contents parameter is deprecated. Change to copyToRoot if the contents are designed to be ` +
    'copied to the root filesystem, such as when you use `buildEnv` or similar between contents and your packages. ' +
    'Use copyToRoot = buildEnv { ... }; or similar if you intend to add packages to /bin.'
  )
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)]
}
