import { report } from '#events'
import { encodeNixJson, type ImageBase, imageBaseJson, jsonObject, timestampOfNow } from '#image'
import { closure, type MeasuredNode, type StorePath, storePathHash } from '#store'
import type { BuildContext } from './build-context.ts'
import { findReferences } from './find-references.ts'
import type { ImageLayerInput } from './image-layer.ts'
import { type DockerBaseImage, openDockerBaseImage } from './open-base-image.ts'
import { ourOutputPath } from './our-derivation.ts'
import type { BuildOptions } from './recipe.ts'
import { EXTENSIONS } from './recipe-output-path.ts'
import type { ResolvedBuildImageArgs } from './resolve-build-image-args.ts'
import { resolvePath } from './resolve-path.ts'
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
  readonly layerPath: StorePath
  outputPath(): Promise<StorePath>
  imageTag(): Promise<string>
}

/**
 * Opens what an image is made of: its base, its contents, the stores' closure of them.
 *
 * @throws {DockerToolsError} as `openDockerBaseImage`, `STORE_PATH_MISSING`, `FILE_UNREADABLE`.
 */
export async function planBuildImage(
  args: ResolvedBuildImageArgs,
  context: BuildContext,
  options: BuildOptions,
): Promise<BuildImagePlan> {
  if (args.isContentsDeprecated)
    report({ type: 'warning', code: 'CONTENTS_DEPRECATED', message: deprecation(args.name) })
  await using stack = new AsyncDisposableStack()
  const choice = { name: args.fromImageName, tag: args.fromImageTag }
  const base =
    args.fromImage === null
      ? undefined
      : stack.use(await openDockerBaseImage(args.fromImage, context, options, args.architecture, choice))
  const trees = stack.use(new StoredTrees(context))
  const contents: StorePath[] = []
  for (const item of args.contents) contents.push(await resolvePath(item, 'copyToRoot', context))

  const references = async (text: string, candidates: readonly StorePath[], what: string): Promise<StorePath[]> =>
    await findReferences(once(Buffer.from(text)), candidates, context.store, what)
  const sizes = new Map<StorePath, number>()
  const closureNodes = async (roots: readonly StorePath[]): Promise<readonly MeasuredNode[]> => {
    const nodes = await closure(context.store, roots)
    for (const { path, narSize } of nodes) sizes.set(path, narSize)
    return nodes
  }
  const closurePaths = async (roots: readonly StorePath[]): Promise<StorePath[]> =>
    (await closureNodes(roots)).map((node) => node.path)
  const declared = imageBaseJson({ architecture: args.architecture, config: args.config, created: args.created })
  const configReferences = await references(encodeNixJson(declared), [], 'config')
  const contentsNodes = await closureNodes(contents)
  const contentsClosure = contentsNodes.map((node) => node.path)
  const scriptPaths = await references(args.extraCommands, contentsClosure, 'extraCommands')
  const visible = unique([...contentsClosure, ...(await closurePaths(scriptPaths))])

  const inputs = unique([...contents, ...scriptPaths, ...configReferences])
  const layerPath = ourOutputPath({
    name: `docker-layer-${args.baseName}`,
    function: 'imageLayer',
    args: jsonObject({
      baseJson: declared,
      contents,
      extraCommands: args.extraCommands,
      gid: args.gid,
      // Images without it keep the path they had before there was any.
      ...(args.includeNixDB ? { includeNixDB: true } : {}),
      keepContentsDirlinks: args.keepContentsDirlinks,
      uid: args.uid,
    }),
    inputs,
    storeDir: context.store.dir,
  })
  const outputPath = async (): Promise<StorePath> => {
    const fromImage = (await base?.storePath()) ?? null
    return ourOutputPath({
      name: `docker-image-${args.baseName}.tar${EXTENSIONS[args.compressor] ?? ''}`,
      function: 'buildImage',
      args: jsonObject({
        compressor: args.compressor,
        fromImage,
        fromImageName: args.fromImageName,
        fromImageTag: args.fromImageTag,
        layer: layerPath,
        name: args.name,
        tag: args.tag,
      }),
      inputs: fromImage === null ? [layerPath] : [layerPath, fromImage],
      storeDir: context.store.dir,
    })
  }
  const known = unique([...visible, ...(await closurePaths(configReferences))])
  const owner = stack.move()
  return {
    base,
    trees,
    layerInput: {
      ...args,
      contents,
      visible,
      namesStorePaths: scriptPaths.length > 0,
      nixDatabase: args.includeNixDB ? { closure: contentsNodes, contents, upstreamRoot: '/build/layer' } : undefined,
    },
    imageBase: { architecture: args.architecture, config: args.config, created: createdText(args.created, context) },
    configReferences,
    known,
    sizeHint: sizes.values().reduce((sum, size) => sum + size, 0),
    layerPath,
    outputPath,
    imageTag: async () => args.tag ?? storePathHash(await outputPath()),
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

// oxlint-disable-next-line require-await -- scanners take streams
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
