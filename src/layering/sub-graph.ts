import type { IndexedGraph } from './indexed-graph.ts'

/** The part of `graph` that consists of `nodes`, in this order, and the references among them. */
export function subGraph({ paths, offsets, targets }: IndexedGraph, nodes: readonly number[]): IndexedGraph {
  const numbers = new Map(nodes.map((node, number) => [node, number]))
  const newOffsets = new Int32Array(nodes.length + 1)
  const newTargets: number[] = []
  for (const [number, node] of nodes.entries()) {
    for (let edge = offsets[node]!; edge < offsets[node + 1]!; edge++) {
      const target = numbers.get(targets[edge]!)
      if (target !== undefined) newTargets.push(target)
    }
    newOffsets[number + 1] = newTargets.length
  }
  return { paths: nodes.map((node) => paths[node]!), offsets: newOffsets, targets: Int32Array.from(newTargets) }
}

const NO_REFERENCE = new Int32Array(0)
const ONE_NODE = new Int32Array(2)

/** A graph of one path. */
export function singleGraph(path: string): IndexedGraph {
  return { paths: [path], offsets: ONE_NODE, targets: NO_REFERENCE }
}

/** All nodes and references of `graphs`, side by side: none is added between them. */
export function joinGraphs(graphs: readonly IndexedGraph[]): IndexedGraph {
  const paths: string[] = []
  const offsets: number[] = [0]
  const targets: number[] = []
  for (const graph of graphs) {
    const firstNode = paths.length
    const firstEdge = targets.length
    for (const path of graph.paths) paths.push(path)
    for (const offset of graph.offsets.subarray(1)) offsets.push(firstEdge + offset)
    for (const target of graph.targets) targets.push(firstNode + target)
  }
  return { paths, offsets: Int32Array.from(offsets), targets: Int32Array.from(targets) }
}

/** The nodes whose path is in `wanted`, in the graph's order. */
export function nodesNamed(graph: IndexedGraph, wanted: ReadonlySet<string>): number[] {
  return nodesWhere(graph, (node) => wanted.has(graph.paths[node]!))
}

/** The nodes that `test` holds for, in the graph's order. */
export function nodesWhere(graph: IndexedGraph, test: (node: number) => boolean): number[] {
  const nodes: number[] = []
  for (let node = 0; node < graph.paths.length; node++) {
    if (test(node)) nodes.push(node)
  }
  return nodes
}
