import { verifyDigest } from '#archive'
import { parseJson, platformOf } from '#image'
import { layerOfContent } from '#layer'
import type { BuildContext } from './build-context.ts'
import type { ImageParts, LayerPart } from './image-parts.ts'
import { basePart } from './layered-parts.ts'
import { type MeasuredImageLayer, measureImageLayer } from './measure-image-layer.ts'
import type { BuildImagePlan } from './plan-build-image.ts'
import { builtConfig } from './write-built-image.ts'

/** The layers and the configuration of an image of `buildImage`, as `writeBuiltImage` would put them into an archive. */
export async function openBuiltParts(
  plan: BuildImagePlan,
  repoTag: string,
  context: BuildContext,
): Promise<ImageParts & AsyncDisposable> {
  const layer = await measureImageLayer(plan, context)
  return {
    repoTag,
    layers: [...(plan.base?.image.layers ?? []).map(basePart), ownPart(layer)],
    // oxlint-disable-next-line require-await -- a failure has to be a rejection
    config: async () => {
      context.sources.assertUnchanged()
      const { config } = builtConfig(plan, layer)
      const platform = platformOf(parseJson(config, 'the configuration of the image'))
      const unknown = { os: 'linux', architecture: 'unknown', variant: undefined }
      return { bytes: Buffer.from(config), platform: platform ?? unknown }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(layer[Symbol.asyncDispose]()),
  }
}

/** The bytes are made a second time, from files that may have changed. */
function ownPart(layer: MeasuredImageLayer): LayerPart {
  const { digest, size } = layer
  const content = { digest, size, open: () => verifyDigest(layer.open(), digest, 'the layer') }
  return { measured: () => Promise.resolve(content), take: () => Promise.resolve(layerOfContent(content)) }
}
