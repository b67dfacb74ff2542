import { DockerToolsError } from '#errors'

import type { LayeringNode } from './layering-node.ts'

/**
 * A reference graph by number: node `i` is the `i`-th of the list it was made
 * from. `targets[offsets[i]]` up to `targets[offsets[i + 1]]` are the nodes it
 * refers to, each once, itself left out.
 */
export interface IndexedGraph {
  readonly paths: readonly string[]
  readonly offsets: Int32Array
  readonly targets: Int32Array
}

/**
 * Numbers the nodes of `nodes` in the order given and checks that they make a graph.
 *
 * @throws {DockerToolsError} `FORMAT_INVALID` if a path is there twice,
 *   `STORE_PATH_MISSING` if a reference leads to no node.
 */
export function indexGraph(nodes: readonly LayeringNode[]): IndexedGraph {
  const indexOf = new Map<string, number>()
  let references = 0
  for (const [index, node] of nodes.entries()) {
    if (indexOf.has(node.path)) throw duplicatePath(node.path)
    indexOf.set(node.path, index)
    references += node.references.length
  }
  const offsets = new Int32Array(nodes.length + 1)
  const targets = new Int32Array(references)
  const lastUser = new Int32Array(nodes.length).fill(-1)
  let edges = 0
  for (const [index, node] of nodes.entries()) {
    lastUser[index] = index
    for (const reference of node.references) {
      const target = indexOf.get(reference)
      if (target === undefined) throw missingReference(node.path, reference)
      if (lastUser[target] === index) continue
      lastUser[target] = index
      targets[edges++] = target
    }
    offsets[index + 1] = edges
  }
  return { paths: nodes.map((node) => node.path), offsets, targets: targets.subarray(0, edges) }
}

/** The graph with every reference turned round. */
export function reverseGraph({ paths, offsets, targets }: IndexedGraph): IndexedGraph {
  const reversedOffsets = new Int32Array(paths.length + 1)
  for (const target of targets) reversedOffsets[target + 1]!++
  for (let node = 0; node < paths.length; node++) reversedOffsets[node + 1]! += reversedOffsets[node]!
  const next = reversedOffsets.slice()
  const reversedTargets = new Int32Array(targets.length)
  for (let node = 0; node < paths.length; node++) {
    for (let edge = offsets[node]!; edge < offsets[node + 1]!; edge++) {
      reversedTargets[next[targets[edge]!]!++] = node
    }
  }
  return { paths, offsets: reversedOffsets, targets: reversedTargets }
}

/** The nodes that can be reached from `starts`, these among them, as a mask: 1 for every node reached. */
export function reachableFrom({ paths, offsets, targets }: IndexedGraph, starts: Iterable<number>): Uint8Array {
  const reached = new Uint8Array(paths.length)
  const waiting: number[] = []
  for (const start of starts) {
    if (reached[start] === 1) continue
    reached[start] = 1
    waiting.push(start)
  }
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (let edge = offsets[node]!; edge < offsets[node + 1]!; edge++) {
      const target = targets[edge]!
      if (reached[target] === 1) continue
      reached[target] = 1
      waiting.push(target)
    }
  }
  return reached
}

function duplicatePath(path: string): DockerToolsError {
  return new DockerToolsError(
    'FORMAT_INVALID',
    `Cannot use reference graph: it holds "${path}" twice, every path should be there once`,
  )
}

function missingReference(path: string, reference: string): DockerToolsError {
  return new DockerToolsError(
    'STORE_PATH_MISSING',
    `Cannot use reference graph: "${path}" refers to "${reference}", which is not part of the graph`,
    { hint: 'Give the whole closure, for example all paths that nix-store --query --requisites prints' },
  )
}
