import type { BuildContext } from './build-context.ts'
import { type ImageLayer, type ImageLayerInput, makeImageLayer } from './image-layer.ts'
import { makeRootLayer } from './root-layer.ts'
import type { StoredTrees } from './stored-trees.ts'

/** Makes the own layer of an image, as root of it where it has `runAsRoot`. */
export async function makeOwnLayer(
  { layerInput, trees }: { readonly layerInput: ImageLayerInput; readonly trees: StoredTrees },
  context: BuildContext,
): Promise<ImageLayer> {
  const { root } = layerInput
  return root === null
    ? await makeImageLayer(layerInput, trees, context)
    : await makeRootLayer(layerInput, root, trees, context)
}
