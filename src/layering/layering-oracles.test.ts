/**
 * Checks the algorithms against literal ones: slow, recursive, with sets of
 * names, written from the description of what upstream does.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { layerAutomatically, layerByPipeline, type LayeringNode, popularityOrder, type SplitPathSpec } from './index.ts'
import { pythonFrozensetHash, pythonStringHash } from './python-hash.ts'
import { pythonSetOrder } from './python-set-order.ts'

type Graph = readonly LayeringNode[]

/** Few names and few sizes, so that equals are frequent; hash parts are in an order of their own. */
function pathOf(index: number): string {
  return `/nix/store/${String((index * 7) % 101).padStart(32, '0')}-p-${index % 9}`
}

/** Graphs of 0 to 14 nodes, sorted by path; `backwards` lets references close cycles. */
function graphs(backwards: boolean): fc.Arbitrary<Graph> {
  const node = (size: number, index: number): fc.Arbitrary<LayeringNode> =>
    fc.record({
      path: fc.constant(pathOf(index)),
      references: fc
        .array(fc.integer({ min: backwards ? 0 : index, max: size - 1 }), { maxLength: 4 })
        .map((targets) => targets.map(pathOf)),
      narSize: fc.constantFrom(0, 10, 10, 20, 30, 1000),
    })
  return fc
    .integer({ min: 0, max: 14 })
    .chain((size) => fc.tuple(...Array.from({ length: size }, (_, index) => node(size, index))))
    .map((nodes) => nodes.toSorted((a, b) => (a.path < b.path ? -1 : 1)))
}

const anyGraph = fc.oneof(graphs(false), graphs(true))

/** The paths that can be reached from `start` by one reference or more. */
function reach(graph: Graph, start: string, next: (path: string) => readonly string[]): Set<string> {
  const found = new Set<string>()
  const visit = (path: string): void => {
    for (const other of next(path)) {
      if (found.has(other)) continue
      found.add(other)
      visit(other)
    }
  }
  assert.ok(graph.some((node) => node.path === start))
  visit(start)
  return found
}

function referencesOf(graph: Graph): (path: string) => string[] {
  return (path) => graph.find((node) => node.path === path)!.references.filter((other) => other !== path)
}

function usersOf(graph: Graph): (path: string) => string[] {
  return (path) => graph.filter((node) => node.path !== path && node.references.includes(path)).map((node) => node.path)
}

/** Upstream's contest over a forest, its trees being the members of a cycle taken together. */
function literalCounts(graph: Graph): Map<string, bigint> {
  const next = referencesOf(graph)
  const cycleOf = (path: string): string =>
    [...new Set([path, ...reach(graph, path, next)])]
      .filter((other) => other === path || reach(graph, other, next).has(path))
      .toSorted()
      .join()
  const subtrees = (cycle: string): string[] =>
    cycle.split(',').flatMap((path) => [...new Set(next(path))].map(cycleOf).filter((other) => other !== cycle))
  const contest = (forest: readonly string[]): Map<string, bigint> => {
    const counts = new Map<string, bigint>()
    const add = (tree: string, count: bigint): void => void counts.set(tree, (counts.get(tree) ?? 0n) + count)
    for (const tree of forest) {
      add(tree, 1n)
      for (const [below, count] of contest(subtrees(tree))) add(below, count + 1n)
    }
    return counts
  }
  const counts = contest(graph.map((node) => node.path).filter((path) => usersOf(graph)(path).length === 0))
  return new Map([...counts].flatMap(([cycle, count]) => cycle.split(',').map((path) => [path, count])))
}

function rotated(path: string): string {
  const [first, ...rest] = path.split('-')
  return [...rest, first].join('-')
}

function literalPopularity(graph: Graph): string[] {
  const counts = literalCounts(graph)
  return [...counts.keys()].toSorted((a, b) => {
    const difference = counts.get(b)! - counts.get(a)!
    return difference === 0n ? (rotated(a) < rotated(b) ? -1 : 1) : difference > 0n ? 1 : -1
  })
}

test('popularityOrder() orders what roots lead to as the literal contest does, then adds all other paths', () => {
  fc.assert(
    fc.property(anyGraph, (graph) => {
      const expected = literalPopularity(graph)
      const actual = popularityOrder(graph)
      assert.deepEqual(actual.slice(0, expected.length), expected)
      assert.deepEqual(
        actual.toSorted(),
        graph.map((node) => node.path),
      )
    }),
    { numRuns: 300 },
  )
})

test('popularityOrder() does not depend on the order of the graph', () => {
  const shuffled = anyGraph.chain((graph) =>
    fc.tuple(fc.constant(graph), fc.shuffledSubarray([...graph], { minLength: graph.length })),
  )
  fc.assert(fc.property(shuffled, ([graph, other]) => assert.deepEqual(popularityOrder(other), popularityOrder(graph))))
})

function key(set: ReadonlySet<string>): string {
  return [...set].toSorted().join()
}

function literalAutomatic(graph: Graph, limit: number, excluded: readonly string[]): string[][] {
  const below = (path: string): Set<string> =>
    new Set([...reach(graph, path, referencesOf(graph))].filter((p) => p !== path))
  const above = (path: string): Set<string> =>
    new Set([...reach(graph, path, usersOf(graph))].filter((p) => p !== path))
  let split = new Map(graph.map((node) => [node.path, new Set<string>()]))
  const queue = graph.toSorted((a, b) => a.narSize - b.narSize)
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    const deps = below(node.path)
    const users = above(node.path)
    const next = new Map(split).set(node.path, new Set([node.path]))
    for (const dep of deps) {
      const set = new Set([...next.get(dep)!].filter((path) => !users.has(path)))
      next.set(dep, [...set].some((path) => deps.has(path)) ? set : set.add(node.path))
    }
    if (new Set([...next.values()].map(key)).size > limit) break
    split = next
  }
  const classes = [...Map.groupBy(graph, (node) => key(split.get(node.path)!))]
  const hashes = classes.map(([name]) => pythonFrozensetHash(name === '' ? [] : name.split(',').map(pythonStringHash)))
  const closureSize = (members: Graph): number => {
    const closure = new Set(members.flatMap((node) => [node.path, ...below(node.path)]))
    return graph.filter((node) => closure.has(node.path)).reduce((sum, node) => sum + node.narSize, 0)
  }
  return pythonSetOrder(hashes)
    .map((index) => classes[index]![1])
    .toSorted((a, b) => closureSize(a) - closureSize(b))
    .map((members) => members.map((node) => /^([^-]*)-(.*)$/.exec(node.path)!))
    .map((members) => members.toSorted((a, b) => (`${a[2]}\0${a[1]}` < `${b[2]}\0${b[1]}` ? -1 : 1)))
    .map((members) => members.map((match) => match[0]).filter((path) => !excluded.includes(path)))
    .filter((layer) => layer.length > 0)
}

const limits = fc.constantFrom(1, 2, 3, 4, 5, 7, 10, 30)
const graphsWithExcluded = anyGraph.chain((graph) =>
  fc.tuple(
    fc.constant(graph),
    fc.subarray(
      graph.map((node) => node.path),
      { maxLength: Math.min(2, graph.length) },
    ),
  ),
)

test('layerAutomatically() groups as the literal splitting does', () => {
  fc.assert(
    fc.property(graphsWithExcluded, limits, ([graph, excludePaths], layerLimit) => {
      assert.deepEqual(
        layerAutomatically(graph, { layerLimit, excludePaths }),
        literalAutomatic(graph, layerLimit, excludePaths),
      )
    }),
    { numRuns: 500 },
  )
})

/** Upstream's `split_paths` in a graph without cycles. */
function literalSplit(graph: Graph, specs: readonly SplitPathSpec[]): Record<string, string[]> {
  const next = referencesOf(graph)
  const known = new Set(graph.map((node) => node.path))
  const named = (spec: SplitPathSpec): string[] =>
    typeof spec === 'string'
      ? [spec]
      : [spec.children_of]
          .flat()
          .filter((path) => known.has(path))
          .flatMap(next)
  const split = new Set(specs.flatMap(named).filter((path) => known.has(path)))
  const all = [...known]
  if (split.size === 0) return { rest: all }
  const roots = all.filter((path) => usersOf(graph)(path).length === 0)
  if (roots.length === 1 && split.has(roots[0]!)) return { main: all }
  const splitOff = new Set([...split].flatMap((path) => [path, ...reach(graph, path, next)]))
  const cut = (path: string): string[] => next(path).filter((other) => !split.has(other))
  const left = new Set(roots.filter((path) => !split.has(path)).flatMap((path) => [path, ...reach(graph, path, cut)]))
  return {
    main: all.filter((path) => splitOff.has(path) && !left.has(path)),
    common: all.filter((path) => splitOff.has(path) && left.has(path)),
    rest: all.filter((path) => !splitOff.has(path) && left.has(path)),
  }
}

test('the stage split_paths splits as the literal algorithm does', () => {
  const graphsWithSpecs = graphs(false).chain((graph) => {
    const path = fc.integer({ min: 0, max: 15 }).map(pathOf)
    const parents = fc.oneof(path, fc.array(path, { maxLength: 2 })).map((value) => ({ children_of: value }))
    return fc.tuple(fc.constant(graph), fc.array(fc.oneof(path, parents), { maxLength: 3 }))
  })
  fc.assert(
    fc.property(graphsWithSpecs, ([graph, specs]) => {
      const bySize = graph.toSorted((a, b) => a.narSize - b.narSize)
      const expected = Object.values(literalSplit(bySize, specs)).filter((layer) => layer.length > 0)
      assert.deepEqual(layerByPipeline(graph, [['split_paths', specs]], { excludePaths: [] }), expected)
    }),
    { numRuns: 300 },
  )
})

test('layerByPipeline() puts every path into one layer, in graphs with cycles too', () => {
  const stages = fc.constantFrom(
    ['split_paths', [pathOf(1), { children_of: pathOf(0) }]] as const,
    ['subcomponent_out', [pathOf(2)]] as const,
    ['subcomponent_in', [pathOf(2)]] as const,
    ['popularity_contest'] as const,
    ['split_every', 3] as const,
  )
  fc.assert(
    fc.property(anyGraph, stages, stages, (graph, first, second) => {
      const layers = layerByPipeline(
        graph,
        [first, ['flatten'], ['map', second], ['flatten'], ['limit_layers', 3], ['reverse']],
        { excludePaths: [] },
      )
      assert.ok(layers.length <= 3)
      assert.deepEqual(
        layers.flat().toSorted(),
        graph.map((node) => node.path),
      )
    }),
  )
})
