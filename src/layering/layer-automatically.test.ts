import assert from 'node:assert/strict'
import { test } from 'node:test'

import { layerAutomatically, type LayeringNode } from './index.ts'

/** A graph from lines such as `app 50: web log`, sorted by path. */
function graphOf(...lines: readonly string[]): LayeringNode[] {
  return lines
    .map((line) => {
      const [name, size, ...references] = line.split(/:? /)
      return { path: `/s/h-${name}`, references: references.map((other) => `/s/h-${other}`), narSize: Number(size) }
    })
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

function layersOf(graph: readonly LayeringNode[], layerLimit: number, ...exclude: readonly string[]): string[] {
  const layers = layerAutomatically(graph, { layerLimit, excludePaths: exclude.map((name) => `/s/h-${name}`) })
  return layers.map((layer) => layer.map((path) => path.slice('/s/h-'.length)).join(' '))
}

const DRAWN = [
  'editor 50: spell toolkit',
  'viewer 40: toolkit codec',
  'toolkit 90: libc',
  'spell 5',
  'libc 30',
  'codec 8',
] as const

test('layerAutomatically() splits the drawn example as the comment says', () => {
  const graph = graphOf(...DRAWN)
  assert.deepEqual(layersOf(graph, 1), ['codec editor libc spell toolkit viewer'])
  assert.deepEqual(layersOf(graph, 2), ['libc toolkit', 'codec editor spell viewer'])
  assert.deepEqual(layersOf(graph, 3), ['libc toolkit', 'codec viewer', 'editor spell'])
  assert.deepEqual(layersOf(graph, 4), ['libc', 'toolkit', 'codec viewer', 'editor spell'])
  assert.deepEqual(layersOf(graph, 6), ['spell', 'codec', 'libc', 'toolkit', 'viewer', 'editor'])
})

test('layerAutomatically() gives what several primaries share a layer of its own', () => {
  const graph = graphOf('editor 50: fonts', 'viewer 40: fonts', 'fonts 1')
  assert.deepEqual(layersOf(graph, 3), ['fonts', 'viewer', 'editor'])
})

test('layerAutomatically() takes the later of two paths of equal size first', () => {
  assert.deepEqual(layersOf(graphOf('a 10', 'b 10', 'c 1'), 2), ['b', 'a c'])
})

test('layerAutomatically() counts layers of excluded paths, but does not make them', () => {
  const graph = graphOf('app 50: lib', 'lib 20', 'tool 10')
  assert.deepEqual(layersOf(graph, 2), ['tool', 'app lib'])
  assert.deepEqual(layersOf(graph, 2, 'tool', 'unknown'), ['app lib'])
  assert.deepEqual(layersOf(graph, 3, 'app'), ['tool', 'lib'])
})

test('layerAutomatically() ignores references of a path to itself', () => {
  assert.deepEqual(layersOf(graphOf('app 50: app lib', 'lib 20: lib'), 9), ['lib', 'app'])
})

test('layerAutomatically() ends on cycles', () => {
  const graph = graphOf('a 30: b', 'b 20: c', 'c 10: a', 'root 5: a', 'leaf 1')
  assert.deepEqual(layersOf(graph, 9).join(' ').split(' ').toSorted(), ['a', 'b', 'c', 'leaf', 'root'])
})

test('layerAutomatically() ends on a cycle of 5,000 paths that all refer to leaves of their own', () => {
  const size = 5_000
  const cycle = Array.from({ length: size }, (_, index) => `c${index} ${index}: c${(index + 1) % size} l${index}`)
  const leaves = Array.from({ length: size }, (_, index) => `l${index} ${(index * 7) % size}`)
  const layers = layersOf(graphOf(...cycle, ...leaves), 10)
  assert.ok(layers.length <= 10)
  assert.equal(layers.join(' ').split(' ').length, 2 * size)
})

test('layerAutomatically() makes no layer of an empty graph', () => {
  assert.deepEqual(layersOf([], 5), [])
})

function chainName(index: number): string {
  return `p${String(index).padStart(5, '0')}`
}

test('layerAutomatically() cuts a chain of 20,000 paths into as many layers as it may', () => {
  const size = 20_000
  const lines = Array.from({ length: size }, (_, index) =>
    index + 1 < size ? `${chainName(index)} ${index}: ${chainName(index + 1)}` : `${chainName(index)} ${index}`,
  )
  const layers = layersOf(graphOf(...lines), 20)
  assert.equal(layers.length, 20)
  assert.equal(layers[0], 'p19999')
  assert.equal(layers.at(-1)?.split(' ').length, size - 19)
})

test('layerAutomatically() refuses wrong graphs and limits', () => {
  assert.throws(() => layersOf(graphOf('app 1: gone'), 5), { code: 'STORE_PATH_MISSING' })
  assert.throws(() => layersOf(graphOf('app 1', 'app 1'), 5), { code: 'FORMAT_INVALID' })
  assert.throws(() => layersOf(graphOf('app 1'), 0), { code: 'LAYER_LIMIT' })
})
