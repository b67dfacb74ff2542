import { checkLimit } from './check-limit.ts'
import type { LayeringNode } from './layering-node.ts'
import { popularityOrder } from './popularity-order.ts'

/** How {@link layerByPopularity} groups. */
export interface LayerByPopularityOptions {
  /** Most layers to make; at least 1. */
  readonly availableLayers: number
  /** Full paths that take part in the contest but get into no layer. */
  readonly excludePaths: readonly string[]
}

/**
 * Groups paths the way upstream did before late 2024: the most popular paths get
 * a layer each, all that is left shares the last one.
 *
 * @returns Layers of full paths, lowest layer first; none is empty.
 * @throws {DockerToolsError} as {@link popularityOrder}; `LAYER_LIMIT` if
 *   `availableLayers` is below 1.
 * @see nixpkgs `pkgs/build-support/docker/default.nix` before pull request 355189
 * @remarks Differs from nixpkgs: excluded paths are compared as text, upstream
 *   takes them for regular expressions.
 */
export function layerByPopularity(
  graph: readonly LayeringNode[],
  { availableLayers, excludePaths }: LayerByPopularityOptions,
): string[][] {
  checkLimit('availableLayers', availableLayers)
  const excluded = new Set(excludePaths)
  const order = popularityOrder(graph).filter((path) => !excluded.has(path))
  const layers = order.slice(0, availableLayers - 1).map((path) => [path])
  const rest = order.slice(availableLayers - 1)
  return rest.length === 0 ? layers : [...layers, rest]
}
