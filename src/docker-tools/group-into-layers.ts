import { report } from '#events'
import {
  checkMaxLayers,
  layerAutomatically,
  layerByPipeline,
  layerByPopularity,
  type LayeringPipeline,
} from '#layering'
import type { ReferenceGraph } from '#store'

/** How paths are grouped. */
export interface GroupingOptions {
  readonly layering: 'popularity' | 'auto'
  /** Takes the place of `layering`, and of all counting of layers. */
  readonly pipeline: LayeringPipeline | null
  readonly maxLayers: number
  /** Layers of the base image. */
  readonly baseLayers: number
  /** Paths that take part but get into no layer: the derivations of our own that the closure starts from. */
  readonly excludePaths: readonly string[]
  readonly debug: boolean
}

/**
 * Groups the closure of an image into layers.
 *
 * @returns Groups of paths, lowest layer first.
 * @throws {DockerToolsError} `LAYER_LIMIT`; `DEFINITION_INVALID` for a pipeline that does not fit the graph.
 */
export function groupIntoLayers(graph: ReferenceGraph, options: GroupingOptions): string[][] {
  const { excludePaths } = options
  const groups = group(graph, options, excludePaths)
  if (options.debug) {
    report({ type: 'debug', message: `${graph.length} paths in ${groups.length} layers` })
    for (const [index, paths] of groups.entries()) {
      report({ type: 'debug', message: `layer ${index + 1}: ${paths.join(' ')}` })
    }
  }
  return groups
}

function group(graph: ReferenceGraph, options: GroupingOptions, excludePaths: readonly string[]): string[][] {
  if (options.pipeline !== null) return layerByPipeline(graph, options.pipeline, { excludePaths })
  const available = checkMaxLayers(options.maxLayers, options.baseLayers)
  return options.layering === 'auto'
    ? layerAutomatically(graph, { layerLimit: available, excludePaths })
    : layerByPopularity(graph, { availableLayers: available, excludePaths })
}
