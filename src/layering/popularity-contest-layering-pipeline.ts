import { countAvailableLayers } from './check-max-layers.ts'
import type { LayeringPipeline } from './layering-pipeline.ts'

/** What {@link popularityContestLayeringPipeline} computes with. */
export interface PopularityContestOptions {
  /** Most layers the whole image may have, base image and customisation layer included. */
  readonly maxLayers: number
  /** Layers of the base image. @default {0} */
  readonly baseLayers?: number
}

/**
 * Makes the pipeline that groups paths as {@link layerByPopularity} does.
 *
 * @throws {DockerToolsError} `LAYER_LIMIT` if the base image leaves no room,
 *   `DEFINITION_INVALID` if `maxLayers` is no whole number.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `popularityContestLayeringPipeline`
 *
 * @example
 * popularityContestLayeringPipeline({ maxLayers: 100 }) // [['popularity_contest'], ['limit_layers', 99]]
 */
export function popularityContestLayeringPipeline({
  maxLayers,
  baseLayers = 0,
}: PopularityContestOptions): LayeringPipeline {
  return [['popularity_contest'], ['limit_layers', countAvailableLayers(maxLayers, baseLayers)]]
}
