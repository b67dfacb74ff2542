/**
 * Groups the paths of a closure into layers: pure functions from a reference
 * graph to lists of paths. Nothing here reads a file, knows an image or makes a
 * layer. Every path that is not excluded is in exactly one group, save where a
 * pipeline takes it out with `remove_paths`.
 *
 * @see https://nixos.org/manual/nixpkgs/stable/#ssec-pkgs-dockerTools-streamLayeredImage
 */
export { checkMaxLayers, usedLayersMessage } from './check-max-layers.ts'
export { layerAutomatically, type LayerAutomaticallyOptions } from './layer-automatically.ts'
export { layerByPipeline, type LayerByPipelineOptions } from './layer-by-pipeline.ts'
export { layerByPopularity, type LayerByPopularityOptions } from './layer-by-popularity.ts'
export type { LayeringNode } from './layering-node.ts'
export type { LayeringPipeline, LayeringStage, SplitPathSpec } from './layering-pipeline.ts'
export { parseLayeringPipeline } from './parse-layering-pipeline.ts'
export {
  popularityContestLayeringPipeline,
  type PopularityContestOptions,
} from './popularity-contest-layering-pipeline.ts'
export { popularityOrder } from './popularity-order.ts'
