import assert from 'node:assert/strict'
import { test } from 'node:test'

import { indexGraph } from './indexed-graph.ts'
import { layerByPopularity, type LayeringNode, popularityContestLayeringPipeline, popularityOrder } from './index.ts'
import { layerByPipeline } from './layer-by-pipeline.ts'
import { popularityCounts } from './popularity-counts.ts'

/** A graph from lines such as `app: web log`; every path gets a hash part of its own. */
function graphOf(...lines: readonly string[]): LayeringNode[] {
  return lines.map((line) => {
    const [name, ...references] = line.split(/:? /)
    return { path: `/s/h-${name}`, references: references.map((reference) => `/s/h-${reference}`), narSize: 1 }
  })
}

const DRAWN = graphOf('app: web log', 'web: log libc', 'log: libc', 'libc')

function nameOf(path: string): string {
  return path.slice('/s/h-'.length)
}

test('popularityOrder() counts the drawn example as the comment says', () => {
  assert.deepEqual(popularityCounts(indexGraph(DRAWN)), [1, 2, 4, 7])
  assert.deepEqual(popularityOrder(DRAWN).map(nameOf), ['libc', 'log', 'web', 'app'])
})

test('popularityOrder() orders equals by name before hash', () => {
  const paths = ['/s/b-foo-1.0', '/s/a-foo-1.0', '/s/a-foo', '/s/c-bar-9', '/s/nodash', '/s/a-foo-1.0-x']
  const graph = paths.map((path) => ({ path, references: [], narSize: 1 }))
  assert.deepEqual(popularityOrder(graph), [
    '/s/nodash',
    '/s/c-bar-9',
    '/s/a-foo',
    '/s/a-foo-1.0',
    '/s/b-foo-1.0',
    '/s/a-foo-1.0-x',
  ])
})

test('popularityOrder() tells counts apart that are one number as doubles', () => {
  // Each of n0 to n69 refers to all later ones and to x and y; y has one more user than x.
  const names = Array.from({ length: 70 }, (_, index) => `n${index}`)
  const lines = names.map((name, index) => [`${name}: x y`, ...names.slice(index + 1)].join(' '))
  const order = popularityOrder(graphOf(...lines, 'extra: y', 'x', 'y')).map(nameOf)
  assert.deepEqual(order.slice(0, 3), ['y', 'x', 'n69'])
})

test('popularityOrder() takes the paths of a cycle as equally popular', () => {
  const graph = graphOf('root: b', 'b: c leaf', 'c: b', 'leaf')
  assert.deepEqual(popularityOrder(graph).map(nameOf), ['leaf', 'b', 'c', 'root'])
})

test('popularityOrder() follows a chain of 20,000 paths', () => {
  const size = 20_000
  const lines = Array.from({ length: size }, (_, index) =>
    index + 1 < size ? `p${index}: p${index + 1}` : `p${index}`,
  )
  const order = popularityOrder(graphOf(...lines)).map(nameOf)
  assert.equal(order.length, size)
  assert.deepEqual([order[0], order.at(-1)], ['p19999', 'p0'])
})

test('popularityOrder() names both ends of a reference that leads out of the graph', () => {
  assert.throws(() => popularityOrder(graphOf('app: gone')), {
    code: 'STORE_PATH_MISSING',
    message: 'Cannot use reference graph: "/s/h-app" refers to "/s/h-gone", which is not part of the graph',
  })
})

test('popularityOrder() refuses a graph that holds a path twice', () => {
  assert.throws(() => popularityOrder(graphOf('app', 'lib', 'app')), {
    code: 'FORMAT_INVALID',
    message: 'Cannot use reference graph: it holds "/s/h-app" twice, every path should be there once',
  })
})

function layers(availableLayers: number, ...exclude: string[]): string[][] {
  const excludePaths = exclude.map((name) => `/s/h-${name}`)
  return layerByPopularity(DRAWN, { availableLayers, excludePaths }).map((layer) => layer.map(nameOf))
}

test('layerByPopularity() puts what does not fit into the last layer', () => {
  assert.deepEqual(layers(1), [['libc', 'log', 'web', 'app']])
  assert.deepEqual(layers(3), [['libc'], ['log'], ['web', 'app']])
  assert.deepEqual(layers(4), [['libc'], ['log'], ['web'], ['app']])
  assert.deepEqual(layers(9), [['libc'], ['log'], ['web'], ['app']])
  assert.deepEqual(layers(2, 'app', 'libc', 'unknown'), [['log'], ['web']])
  assert.deepEqual(layers(2, 'app', 'web', 'log', 'libc'), [])
  assert.deepEqual(layerByPopularity([], { availableLayers: 3, excludePaths: [] }), [])
})

test('layerByPopularity() refuses a limit that no grouping can meet', () => {
  for (const availableLayers of [0, -1, 1.5, Number.NaN]) {
    assert.throws(() => layerByPopularity(DRAWN, { availableLayers, excludePaths: [] }), {
      code: 'LAYER_LIMIT',
      message: `Cannot group store paths: availableLayers is "${availableLayers}", it should be a whole number of at least 1`,
    })
  }
})

test('popularityContestLayeringPipeline() makes a pipeline that groups like layerByPopularity()', () => {
  assert.deepEqual(popularityContestLayeringPipeline({ maxLayers: 100 }), [
    ['popularity_contest'],
    ['limit_layers', 99],
  ])
  for (const maxLayers of [4, 5, 6, 7, 8]) {
    assert.deepEqual(
      layerByPipeline(DRAWN, popularityContestLayeringPipeline({ maxLayers, baseLayers: 2 }), { excludePaths: [] }),
      layerByPopularity(DRAWN, { availableLayers: maxLayers - 3, excludePaths: [] }),
    )
  }
  assert.throws(() => popularityContestLayeringPipeline({ maxLayers: 3, baseLayers: 2 }), { code: 'LAYER_LIMIT' })
})
