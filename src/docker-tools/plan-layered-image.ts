import { checkMaxLayers } from '#layering'
import {
  closure,
  compareStorePaths,
  directoryTree,
  fileTree,
  narSizeOf,
  type ReferenceGraph,
  type StorePath,
  storePathHash,
} from '#store'
import type { BuildContext } from './build-context.ts'
import { encodeConf } from './conf.ts'
import type { CustomisationLayer } from './customisation-layer.ts'
import { freshCustomisation } from './customisation-output.ts'
import { groupIntoLayers } from './group-into-layers.ts'
import type { LayeredIdentity } from './identify-layered-image.ts'
import { type BaseImage, openBaseImage } from './open-base-image.ts'
import { realiseInputs } from './realise-inputs.ts'
import type { Conf } from './recipe.ts'
import type { ResolvedLayeredArgs } from './resolve-layered-args.ts'
import { storedCustomisation } from './stored-customisation.ts'

/** A layered image with everything decided and nothing written yet. */
export interface LayeredPlan extends AsyncDisposable {
  /** With paths in the place of placeholders. */
  readonly args: ResolvedLayeredArgs
  readonly base: BaseImage | undefined
  readonly customisation: CustomisationLayer & { readonly path: StorePath }
  /** The closure of the image, with its own derivations. */
  readonly graph: ReferenceGraph
  /** Groups of store paths, lowest layer first. */
  readonly storeLayers: readonly (readonly string[])[]
  imageTag(): Promise<string>
  /** @param fromImage What the conf calls the base image. Default: where it is now. */
  conf(fromImage?: string): Promise<Conf>
}

/**
 * Decides what goes into a layered image: opens the base image, makes the
 * customisation layer, finds the closure and groups it.
 *
 * @param isRebuild Whether the customisation layer is made even where a store has it.
 */
export async function planLayeredImage(
  identity: LayeredIdentity,
  context: BuildContext,
  isRebuild = false,
): Promise<LayeredPlan> {
  const { args, pipeline, baseJson } = identity
  await using stack = new AsyncDisposableStack()
  await realiseInputs(identity.inputs, context)
  const base =
    args.fromImage === null ? undefined : stack.use(await openBaseImage(args.fromImage, context, args.architecture))
  const baseLayers = base?.image.layers.length ?? 0
  if (pipeline === null) checkMaxLayers(args.maxLayers, baseLayers)

  const customisation = stack.use(await planCustomisation(identity, context, isRebuild))
  const { references } = baseJson
  const own = [
    { path: baseJson.path, references, narSize: narSizeOf(fileTree(Buffer.from(baseJson.text))) },
    customisation.node,
  ]
  const referenced = await closure(context.store, unique([...references, ...customisation.references]))
  const graph = args.includeStorePaths
    ? [...referenced, ...own].toSorted((a, b) => compareStorePaths(a.path, b.path))
    : []
  const storeLayers = !args.includeStorePaths
    ? []
    : groupIntoLayers(graph, {
        layering: args.layering,
        pipeline,
        maxLayers: args.maxLayers,
        baseLayers,
        excludePaths: own.map((node) => node.path),
        debug: args.debug,
      })

  const imageTag = async (): Promise<string> => args.tag ?? storePathHash(await identity.confPath())
  const owner = stack.move()
  return {
    args,
    base,
    customisation,
    graph,
    storeLayers,
    imageTag,
    conf: async (fromImage = base?.label) => ({
      path: await identity.confPath(),
      text: encodeConf({
        args,
        storeLayers,
        storeDir: context.store.dir,
        fromImage: fromImage ?? null,
        customisation: customisation.path,
        tag: await imageTag(),
      }),
    }),
    [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()),
  }
}

async function planCustomisation(identity: LayeredIdentity, context: BuildContext, isRebuild: boolean) {
  const path = identity.customisationPath
  const stored = isRebuild ? undefined : await storedCustomisation(path, context)
  const layer = stored ?? (await freshCustomisation(identity, context))
  const tree = directoryTree({ checksum: new Uint8Array(65), 'layer.tar': new Uint8Array(0) })
  // The NAR of a directory with `checksum` and `layer.tar`: bodies are padded to 8 bytes, as the tar's records are anyway.
  const node = { path, references: layer.references, narSize: narSizeOf(tree) + layer.content.size }
  return { ...layer, path, node }
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)]
}
