import { type ArchivedLayer, verifyDigest } from '#archive'
import { decompress, DETECTION_BYTES, detectCompression } from '#compress'
import { type LayerHistory, timestampOfNow } from '#image'
import { layerOfContent } from '#layer'
import { copyTo } from '#util'
import type { BuildContext } from './build-context.ts'
import type { ImageParts, LayerPart } from './image-parts.ts'
import { openStoreLayers, type StoreLayers } from './store-layers.ts'
import { encodeStreamConfig, resolveTime, type StreamInput, verifiedCustomisation } from './stream-image.ts'

/** Layers that whoever takes the image apart may read at once. */
export const WRITTEN_AT_ONCE = 2

/**
 * The layers and the configuration of a layered image, as `streamImage` would
 * put them into an archive. Layers are measured when somebody asks for it, and read if somebody wants them.
 */
export async function openLayeredParts(
  input: StreamInput,
  context: BuildContext,
): Promise<ImageParts & AsyncDisposable> {
  // One instant for both fields, as in the archive.
  const now = timestampOfNow(context.now())
  const options = { isLazy: true, writers: WRITTEN_AT_ONCE }
  const storeLayers = await openStoreLayers(input, resolveTime(input.mtime, now).seconds, context, options)
  const { content, path } = input.customisation
  const layers: readonly (LayerPart & { readonly sources: readonly string[] })[] = [
    ...(input.base?.layers ?? []).map((layer) => ({ ...basePart(layer), sources: [layer.member] })),
    ...input.storeLayers.map((paths, index) => ({ ...storePart(storeLayers, index), sources: paths })),
    { ...customisationPart(content), sources: [path] },
  ]
  return {
    repoTag: input.repoTag,
    layers,
    config: async () => {
      context.sources.assertUnchanged()
      const history: LayerHistory[] = []
      for (const layer of layers) history.push({ digest: (await layer.measured()).digest, sources: layer.sources })
      const bytes = encodeStreamConfig(input, resolveTime(input.created, now), history)
      return { bytes, platform: { os: 'linux', architecture: input.architecture, variant: undefined } }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(storeLayers[Symbol.asyncDispose]()),
  }
}

function storePart(storeLayers: StoreLayers, index: number): LayerPart {
  return {
    measured: () => storeLayers.measured(index),
    take: () => storeLayers.take(index, false),
    make: () => storeLayers.make(index),
    sizeHint: storeLayers.sizeHint(index),
  }
}

function customisationPart(content: StreamInput['customisation']['content']): LayerPart {
  return {
    measured: () => Promise.resolve(content),
    take: () => Promise.resolve(layerOfContent(verifiedCustomisation(content))),
  }
}

/** In a docker-archive a layer may stand compressed: its plain bytes are what its digest is of. */
export function basePart(layer: ArchivedLayer): LayerPart {
  return {
    measured: () => Promise.resolve({ digest: layer.diffId, size: undefined }),
    take: () =>
      Promise.resolve({
        skip: () => undefined,
        writeTo: async (sink) => {
          const what = `layer "${layer.member}" of the base image`
          const kind = await compressionOf(layer)
          const plain = kind === 'none' ? layer.open() : decompress(kind, layer.open())
          await copyTo(verifyDigest(plain, layer.diffId, what), sink)
        },
      }),
  }
}

async function compressionOf(layer: ArchivedLayer): Promise<ReturnType<typeof detectCompression>> {
  for await (const chunk of layer.open()) return detectCompression(chunk.subarray(0, DETECTION_BYTES))
  return 'none'
}
