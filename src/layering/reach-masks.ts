import { type IndexedGraph, reachableFrom, reverseGraph } from './indexed-graph.ts'
import { strongComponents } from './strong-components.ts'

/** Masks of a node: 1 for all that is below or above it, the node itself among them. */
export interface ReachMasks {
  readonly below: Uint8Array
  readonly above: Uint8Array
}

/** More cycles than this are asked for by turns only if the limit of layers is higher. */
const MAX_KEPT = 128

/**
 * Makes a function that finds what is below and above a node.
 *
 * All nodes of a cycle have the same masks, so these are found once a cycle. In
 * automatic layering the steps within a cycle do not add up to more layers: a
 * cycle of 20,000 paths takes 20,000 steps, and each would walk over all of it.
 */
export function reachMasks(graph: IndexedGraph): (node: number) => ReachMasks {
  const reversed = reverseGraph(graph)
  const { count, componentOf } = strongComponents(graph)
  const members = new Int32Array(count)
  for (const component of componentOf) members[component]!++
  const kept = new Map<number, ReachMasks>()

  return (node) => {
    const component = componentOf[node]!
    const known = kept.get(component)
    if (known !== undefined) return known
    const masks = { below: reachableFrom(graph, [node]), above: reachableFrom(reversed, [node]) }
    if (members[component]! > 1 && kept.size < MAX_KEPT) kept.set(component, masks)
    return masks
  }
}
