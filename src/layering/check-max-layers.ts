import { DockerToolsError } from '#errors'

/** Layers of an image that hold no store paths but are counted by `maxLayers`: the customisation layer. */
const CUSTOMISATION_LAYERS = 1

/**
 * The text upstream writes when the base image leaves no room for store paths.
 *
 * @param usedLayers Layers of the base image and the customisation layer.
 */
export function usedLayersMessage(usedLayers: number, maxLayers: number): string {
  return (
    `usedLayers ${usedLayers} layers to store 'fromImage' and 'extraCommands', ` +
    `but only maxLayers=${maxLayers} were allowed. At least 1 layer is required to store contents.`
  )
}

/**
 * Checks `maxLayers` of a layered image without a pipeline of its own, and
 * computes how many layers are left for store paths.
 *
 * The messages are upstream's word for word, a spelling mistake included, so
 * that whoever searches for one finds it.
 *
 * @param maxLayers Most layers the whole image may have.
 * @param baseLayers Layers of the base image; 0 without one.
 * @returns `maxLayers` less the base image's layers and the customisation layer; at least 1.
 * @throws {DockerToolsError} `LAYER_LIMIT` if `maxLayers` is not above 1 or is
 *   used up, `DEFINITION_INVALID` if it is no whole number.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `streamLayeredImage`
 */
export function checkMaxLayers(maxLayers: number, baseLayers: number): number {
  checkWholeNumber(maxLayers)
  if (maxLayers <= 1) {
    throw new DockerToolsError(
      'LAYER_LIMIT',
      'the maxLayers argument of dockerTools.buildLayeredImage function must be greather than 1 ' +
        `(current value: ${maxLayers})`,
      { hint: 'One layer is taken by the customisation layer, so give maxLayers at least 2' },
    )
  }
  return countAvailableLayers(maxLayers, baseLayers)
}

/** {@link checkMaxLayers} without the first check, which upstream makes elsewhere. */
export function countAvailableLayers(maxLayers: number, baseLayers: number): number {
  checkWholeNumber(maxLayers)
  const usedLayers = baseLayers + CUSTOMISATION_LAYERS
  if (usedLayers >= maxLayers) {
    throw new DockerToolsError('LAYER_LIMIT', usedLayersMessage(usedLayers, maxLayers), {
      hint: `Give maxLayers at least ${usedLayers + 1}, or use a base image with fewer layers`,
    })
  }
  return maxLayers - usedLayers
}

function checkWholeNumber(maxLayers: number): void {
  if (Number.isSafeInteger(maxLayers)) return
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot use maxLayers: it is "${maxLayers}", it should be a whole number above 1`,
  )
}
