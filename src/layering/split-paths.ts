import { type IndexedGraph, reachableFrom } from './indexed-graph.ts'
import type { SplitPathSpec } from './layering-pipeline.ts'
import { nodesNamed, nodesWhere, subGraph } from './sub-graph.ts'

/**
 * Makes a function that splits paths, and what only they use, off a graph.
 *
 * Splitting `db` off the graph on the left:
 *
 *      app          main    db, driver   reached through db alone
 *     /   \         common  libc         reached through db and otherwise
 *   web    db       rest    app, web
 *     \   / |
 *     libc  driver
 *
 * Parts without paths are left out. References to the paths split off are gone
 * from the parts, as upstream removes them to see what is still reached.
 *
 * @see nixpkgs `pkgs/build-support/flatten-references-graph`, `split_paths.py`
 * @remarks Differs from nixpkgs: in graphs with cycles that no root leads to, no
 *   path is lost. Nix makes no such graphs.
 */
export function splitPaths(specs: readonly SplitPathSpec[]): (graph: IndexedGraph) => Map<string, IndexedGraph> {
  const named = new Set(specs.filter((spec) => typeof spec === 'string'))
  const parents = new Set(specs.flatMap((spec) => (typeof spec === 'string' ? [] : spec.children_of)))
  return (graph) => {
    const split = new Set([...nodesNamed(graph, named), ...children(graph, nodesNamed(graph, parents))])
    if (split.size === 0) return new Map([['rest', graph]])
    const root = onlyRoot(graph)
    if (root !== undefined && split.has(root)) return new Map([['main', graph]])

    const splitOff = reachableFrom(graph, split)
    const cut = withoutReferencesTo(graph, split)
    const others = nodesWhere(graph, (node) => splitOff[node] === 0)
    const stillReached = reachableFrom(cut, others)
    const part = (test: (node: number) => boolean): IndexedGraph => subGraph(cut, nodesWhere(graph, test))
    const parts: [string, IndexedGraph][] = [
      ['main', part((node) => stillReached[node] === 0)],
      ['common', part((node) => splitOff[node] === 1 && stillReached[node] === 1)],
      ['rest', part((node) => splitOff[node] === 0)],
    ]
    return new Map(parts.filter(([, graphOfPart]) => graphOfPart.paths.length > 0))
  }
}

function children({ offsets, targets }: IndexedGraph, nodes: readonly number[]): number[] {
  return nodes.flatMap((node) => [...targets.subarray(offsets[node], offsets[node + 1])])
}

/** The node that nothing refers to, if there is just one. */
function onlyRoot(graph: IndexedGraph): number | undefined {
  const used = new Set(graph.targets)
  const [first, second] = nodesWhere(graph, (node) => !used.has(node))
  return second === undefined ? first : undefined
}

function withoutReferencesTo({ paths, offsets, targets }: IndexedGraph, cut: ReadonlySet<number>): IndexedGraph {
  const newOffsets = new Int32Array(offsets.length)
  const newTargets: number[] = []
  for (let node = 0; node < paths.length; node++) {
    for (let edge = offsets[node]!; edge < offsets[node + 1]!; edge++) {
      if (!cut.has(targets[edge]!)) newTargets.push(targets[edge]!)
    }
    newOffsets[node + 1] = newTargets.length
  }
  return { paths, offsets: newOffsets, targets: Int32Array.from(newTargets) }
}
