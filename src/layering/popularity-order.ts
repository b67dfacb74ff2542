/*
 * The popularity contest: which store paths are used most?
 *
 * INPUT   A reference graph. Of this one (references point down):
 *
 *             app        app refers to web and log, web to log and libc,
 *            /   \       log to libc.
 *          web    |
 *           | \   |
 *           |  log
 *           | /
 *          libc
 *
 * METHOD  Upstream writes the graph out as a tree, every path once for each
 *         way that leads to it from a root (a path nobody else refers to):
 *
 *             app ─┬─ web ─┬─ log ── libc
 *                  │       └─ libc
 *                  └─ log ── libc
 *
 *         It then counts bottom up: a path scores 1 for each time it is a child,
 *         and whatever it scored in a child's subtree counts again, plus 1.
 *         Unrolled, that sum is simple. Let ways(a) be the number of ways from a
 *         root down to a. Then
 *
 *             popularity(p) = sum of ways(a) over p and everything above p
 *
 *         ways() is one pass over the graph in topological order. For the sums,
 *         each node carries the set of nodes above it as a bit set. A node
 *         starts from the sum of the user that has the most above it, and adds
 *         what that one lacks: next to nothing in the graphs met in practice.
 *
 * EXAMPLE ways: app 1, web 1, log 2 (by app, by web), libc 3 (by web, twice by log).
 *         popularity: app 1, web 1+1 = 2, log 1+1+2 = 4, libc 1+1+2+3 = 7.
 *         Order: libc, log, web, app.
 *
 * ORDER   Most popular first. Equals: by the path with its first `-` piece moved
 *         to the end, `foo-1.0-/nix/store/HASH`, ascending.
 *
 * CYCLES  Nix has none, other graphs may. The paths of a cycle count as one
 *         node, so they are equally popular. Where nothing outside refers to a
 *         cycle there is no root to start from. Upstream appends such paths, and
 *         what only they use, in the order of a Python set; so do we.
 *
 * NUMBERS Ways multiply: 60 paths that each refer to all later ones pass 2^53.
 *         Sums are exact: numbers while they stay below, BigInt above.
 */
import { type IndexedGraph, indexGraph } from './indexed-graph.ts'
import type { LayeringNode } from './layering-node.ts'
import { popularityCounts } from './popularity-counts.ts'
import { pythonStringHash } from './python-hash.ts'
import { pythonSetOrder } from './python-set-order.ts'

/**
 * Orders the paths of a graph by popularity, most popular first.
 *
 * @param graph The closure. The result does not depend on its order.
 * @returns Every path of `graph` once.
 * @throws {DockerToolsError} `STORE_PATH_MISSING` if a reference leads out of
 *   the graph, `FORMAT_INVALID` if a path is there twice.
 * @see nixpkgs `pkgs/build-support/references-by-popularity/closure-graph.py`
 * @remarks Differs from nixpkgs: a cycle that a root leads to is ordered rather
 *   than followed for ever.
 */
export function popularityOrder(graph: readonly LayeringNode[]): string[] {
  const indexed = indexGraph(graph)
  return rankByPopularity(indexed).map((node) => indexed.paths[node]!)
}

/** {@link popularityOrder} by node numbers. */
export function rankByPopularity(graph: IndexedGraph): number[] {
  const counts = popularityCounts(graph)
  const sortKeys = graph.paths.map(rotatedName)
  const counted = counts
    .flatMap((count, node) => (count === 0 ? [] : [node]))
    .toSorted((a, b) => byPopularity(counts[a]!, counts[b]!) || byText(sortKeys[a]!, sortKeys[b]!))
  if (counted.length === counts.length) return counted
  return [...counted, ...inSetOrder(graph.paths).filter((node) => counts[node] === 0)]
}

/** Numbers and BigInts compare exactly with each other. */
function byPopularity(a: number | bigint, b: number | bigint): number {
  return a > b ? -1 : a < b ? 1 : 0
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** `/nix/store/HASH-foo-1.0` becomes `foo-1.0-/nix/store/HASH`. */
function rotatedName(path: string): string {
  const dash = path.indexOf('-')
  return dash === -1 ? path : `${path.slice(dash + 1)}-${path.slice(0, dash)}`
}

/** The nodes as Python iterates a set to which the paths were added in sorted order. */
function inSetOrder(paths: readonly string[]): number[] {
  const sorted = paths.map((_, node) => node).toSorted((a, b) => byText(paths[a]!, paths[b]!))
  return pythonSetOrder(sorted.map((node) => pythonStringHash(paths[node]!))).map((index) => sorted[index]!)
}
