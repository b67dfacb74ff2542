/**
 * How long layering takes, by shape of the graph and strategy.
 *
 *     node --conditions=source bench/layering.ts
 *
 * Graphs are made by a formula, so every run measures the same ones.
 */
import {
  layerAutomatically,
  layerByPipeline,
  layerByPopularity,
  type LayeringNode,
  type LayeringPipeline,
} from '#layering'

const AVAILABLE_LAYERS = 98

/** Pseudorandom numbers from 0 up to 1, the same sequence each time. */
function randomNumbers(): () => number {
  let state = 1
  return () => {
    state = (state * 16_807) % 2_147_483_647
    return state / 2_147_483_647
  }
}

/** `referencesOf` gives the numbers of the nodes that a node refers to; those past the end are dropped. */
function makeGraph(size: number, referencesOf: (node: number) => readonly number[]): LayeringNode[] {
  const random = randomNumbers()
  const paths = Array.from({ length: size }, (_, node) => {
    const hash = String(Math.floor(random() * 1e9)).padStart(32, '0')
    return `/nix/store/${hash}-package-${node}`
  })
  return paths
    .map((path, node) => ({
      path,
      references: referencesOf(node).flatMap((other) => paths[other] ?? []),
      narSize: 200 + Math.floor(random() ** 8 * 1e8),
    }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

function randomGraph(size: number, references: number, reach: number): LayeringNode[] {
  const random = randomNumbers()
  return makeGraph(size, (node) =>
    Array.from({ length: references }, () => node + 1 + Math.floor(random() * Math.min(reach, size - 1 - node))),
  )
}

const shapes: readonly (readonly [name: string, make: () => LayeringNode[]])[] = [
  ['random, 8 references', () => randomGraph(2_000, 8, 2_000)],
  ['random, 8 references', () => randomGraph(20_000, 8, 20_000)],
  ['random, 8 near references', () => randomGraph(20_000, 8, 100)],
  ['chain', () => makeGraph(5_000, (node) => [node + 1])],
  ['chain', () => makeGraph(20_000, (node) => [node + 1])],
  ['ladder, next 3', () => makeGraph(20_000, (node) => [node + 1, node + 2, node + 3])],
  ['dense, all later', () => makeGraph(2_000, (node) => Array.from({ length: 1_999 - node }, (_, i) => node + 1 + i))],
]

/** Splits off the largest path, ranks each part, and merges what is too much. */
function typicalPipeline(graph: readonly LayeringNode[]): LayeringPipeline {
  const largest = graph.toSorted((a, b) => b.narSize - a.narSize)[0]!
  return [
    ['split_paths', [largest.path]],
    ['over', 'main', ['subcomponent_in', [largest.path]]],
    ['flatten'],
    ['map', ['popularity_contest']],
    ['flatten'],
    ['limit_layers', AVAILABLE_LAYERS],
  ]
}

const strategies: readonly (readonly [name: string, run: (graph: readonly LayeringNode[]) => string[][]])[] = [
  ['popularity', (graph) => layerByPopularity(graph, { availableLayers: AVAILABLE_LAYERS, excludePaths: [] })],
  ['auto', (graph) => layerAutomatically(graph, { layerLimit: AVAILABLE_LAYERS, excludePaths: [] })],
  ['pipeline', (graph) => layerByPipeline(graph, typicalPipeline(graph), { excludePaths: [] })],
]

console.log('| paths | references | shape | strategy | layers | ms |')
console.log('|---:|---:|---|---|---:|---:|')
for (const [shape, make] of shapes) {
  const graph = make()
  const references = graph.reduce((sum, node) => sum + node.references.length, 0)
  for (const [strategy, run] of strategies) {
    const start = performance.now()
    const layers = run(graph)
    const elapsedMs = Math.round(performance.now() - start)
    console.log(`| ${graph.length} | ${references} | ${shape} | ${strategy} | ${layers.length} | ${elapsedMs} |`)
  }
}
console.log(`\nMost memory held: ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`)
