/*
 * Automatic layering: split the graph along its largest paths.
 *
 * INPUT   A reference graph with sizes, and a limit. Of this one, where the
 *         number is the size (references point down), with a limit of 4:
 *
 *          editor 50   viewer 40
 *             |    \  /    |
 *             |   toolkit  |        toolkit 90
 *             |      |     |
 *           spell  libc  codec      spell 5, libc 30, codec 8
 *
 * METHOD  Each path carries a set of large paths ("primaries") that it stays
 *         with; paths with equal sets share a layer. All sets start empty: one
 *         layer. Then, from the largest path to the smallest, take the next one,
 *         L, as a primary:
 *
 *           - L gets the set {L}.
 *           - Each path below L loses the primaries above L from its set: L
 *             comes between. If nothing else in its set is below L, it gets L.
 *
 *         When that makes more different sets than the limit, this step is
 *         undone and the rest of the paths stay as they are.
 *
 * EXAMPLE toolkit (90): toolkit {toolkit}, libc {toolkit}, the others {}: 2 sets.
 *         editor (50): editor {editor}, spell {editor}; toolkit and libc keep
 *           {toolkit}, as that is below editor: 3 sets, {} being one.
 *         viewer (40): viewer {viewer}, codec {viewer}; {} is gone: 3 sets.
 *         libc (30): libc {libc}: 4 sets.
 *         codec (8): would be the 5th set. Stop.
 *         Layers: libc | toolkit | viewer, codec | editor, spell.
 *         Had both referred to a shared path besides toolkit, that one would
 *         have had the set {editor, viewer} and a layer of its own.
 *
 * ORDER   Layers: by the size of their closure, ascending, so that a layer comes
 *         after what it builds on. Equals: as upstream's set of sets happens to
 *         be iterated, see `python-set-order.ts`. Paths in a layer: by the text
 *         after the first `-`, then by the text before it. Of primaries with
 *         equal sizes the later in the graph is taken first.
 *
 * COST    In a graph without cycles each step leaves a set {L} that stays for
 *         good, so no more than `layerLimit` steps succeed, each of one walk
 *         over the graph. Sets are kept once and paths hold their number, so a
 *         step works on as many sets as there are layers, not paths. A cycle
 *         takes a step for each of its paths, but is walked over once.
 */
import { checkLimit } from './check-limit.ts'
import { indexGraph, type IndexedGraph, reachableFrom } from './indexed-graph.ts'
import type { LayeringNode } from './layering-node.ts'
import { PrimarySets } from './primary-sets.ts'
import { reachMasks } from './reach-masks.ts'

/** How {@link layerAutomatically} groups. */
export interface LayerAutomaticallyOptions {
  /** Most layers to make, those counted that only hold excluded paths; at least 1. */
  readonly layerLimit: number
  /** Full paths that take part in the splitting but get into no layer. */
  readonly excludePaths: readonly string[]
}

/**
 * Groups paths the way upstream does since late 2024.
 *
 * @param graph The closure, sorted by path as Nix does: the order decides which
 *   of two paths of equal size comes first.
 * @returns Layers of full paths, lowest layer first; none is empty.
 * @throws {DockerToolsError} `STORE_PATH_MISSING` if a reference leads out of
 *   the graph, `FORMAT_INVALID` if a path is there twice, `LAYER_LIMIT` if
 *   `layerLimit` is below 1.
 * @see nixpkgs `pkgs/build-support/docker/auto-layer.py`
 */
export function layerAutomatically(
  graph: readonly LayeringNode[],
  { layerLimit, excludePaths }: LayerAutomaticallyOptions,
): string[][] {
  checkLimit('layerLimit', layerLimit)
  const indexed = indexGraph(graph)
  const sizes = graph.map((node) => node.narSize)
  const sets = new PrimarySets(indexed.paths)
  const setOf = splitByPrimaries(indexed, sizes, sets, layerLimit)

  const members = Map.groupBy(setOf.keys(), (node) => setOf[node]!)
  const closureSizes = new Map<number, number>()
  for (const [set, nodes] of members) closureSizes.set(set, closureSize(indexed, sizes, nodes))
  const ordered = sets.inSetOrder([...members.keys()]).toSorted((a, b) => closureSizes.get(a)! - closureSizes.get(b)!)

  const excluded = new Set(excludePaths)
  return ordered
    .map((set) => members.get(set)!.map((node) => indexed.paths[node]!))
    .map((layer) => layer.filter((path) => !excluded.has(path)).toSorted(byNameThenHash))
    .filter((layer) => layer.length > 0)
}

/** Runs the steps until one goes over the limit. Returns the number of each node's set. */
function splitByPrimaries(
  graph: IndexedGraph,
  sizes: readonly number[],
  sets: PrimarySets,
  layerLimit: number,
): Int32Array {
  const masksOf = reachMasks(graph)
  const queue = sizes.map((_, node) => node).toSorted((a, b) => sizes[b]! - sizes[a]! || b - a)
  let setOf = new Int32Array(sizes.length)
  for (const primary of queue) {
    const { below, above } = masksOf(primary)
    const next = moveSets(setOf, below, sets.step(primary, below, above))
    next[primary] = sets.only(primary)
    if (sets.countUsed(next) > layerLimit) break
    setOf = next
  }
  return setOf
}

/** A copy of `setOf` with `move` applied to the sets of the nodes in `below`. */
function moveSets(setOf: Int32Array, below: Uint8Array, move: (set: number) => number): Int32Array<ArrayBuffer> {
  const next = new Int32Array(setOf)
  let set = -1
  let moved = -1
  for (let node = 0; node < next.length; node++) {
    if (below[node] === 0) continue
    // Neighbours mostly have the same set; asking again each time is most of the work.
    if (next[node] !== set) {
      set = next[node]!
      moved = move(set)
    }
    next[node] = moved
  }
  return next
}

/** The bytes of the closure of `nodes`. */
function closureSize(graph: IndexedGraph, sizes: readonly number[], nodes: readonly number[]): number {
  const reached = reachableFrom(graph, nodes)
  let sum = 0
  for (let node = 0; node < sizes.length; node++) {
    if (reached[node] === 1) sum += sizes[node]!
  }
  return sum
}

/** By the text after the first `-`, then by the text before it. */
function byNameThenHash(a: string, b: string): number {
  const dashA = a.indexOf('-')
  const dashB = b.indexOf('-')
  return byText(a.slice(dashA + 1), b.slice(dashB + 1)) || byText(a.slice(0, dashA), b.slice(0, dashB))
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
