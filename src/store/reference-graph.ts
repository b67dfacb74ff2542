import { DockerToolsError } from '#errors'
import type { Hash } from './hash.ts'
import { compareStorePaths, type StorePath } from './store-path.ts'

/** One path of a graph. */
export interface ReferenceNode {
  readonly path: StorePath
  /** Sorted; every one is in the graph too. May hold the path itself. */
  readonly references: readonly StorePath[]
  /** Bytes of the NAR; 0 where the source does not say. */
  readonly narSize: number
  /** Undefined only in a graph read from a file that does not say. */
  readonly narHash?: Hash
  /** Sum of `narSize` over all that is reachable, the path included, where the source says. */
  readonly closureSize?: number
}

/** One path of a graph that a store answered for. */
export interface MeasuredNode extends ReferenceNode {
  readonly narHash: Hash
}

/** Paths with all that they reach, sorted by path, each once. */
export type ReferenceGraph = readonly ReferenceNode[]

/**
 * The part of `graph` that `roots` reach. Cycles are fine.
 *
 * @throws {DockerToolsError} `STORE_PATH_MISSING` if a root is not in it.
 */
export function closureOf(graph: ReferenceGraph, roots: readonly StorePath[]): ReferenceGraph {
  const nodes = new Map(graph.map((node) => [node.path, node]))
  const seen = new Set<StorePath>()
  const pending = roots.map((path) => ({ path, from: undefined as StorePath | undefined }))
  const reached: ReferenceNode[] = []
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (seen.has(next.path)) continue
    seen.add(next.path)
    const node = nodes.get(next.path)
    if (node === undefined) throw notInGraph(next.path, next.from)
    reached.push(node)
    for (const path of node.references) if (!seen.has(path)) pending.push({ path, from: node.path })
  }
  return reached.toSorted((a, b) => compareStorePaths(a.path, b.path))
}

/** @throws {DockerToolsError} `STORE_PATH_MISSING`. */
export function notInGraph(path: StorePath, from: StorePath | undefined): DockerToolsError {
  const fault = from === undefined ? `"${path}" is not in it` : `"${from}" refers to "${path}", which is not in it`
  return new DockerToolsError(
    'STORE_PATH_MISSING',
    `Cannot use the reference graph: ${fault}, a graph should hold every path it names`,
  )
}
