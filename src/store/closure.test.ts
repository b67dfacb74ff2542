import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closure, closureOf, parseReferenceGraph, type PathInfo, type Store, type StorePath } from '#store'
import { pathMissing } from './path-missing.ts'
import { failsWith, testPath } from './test-support.test.ts'

const HASH = { algorithm: 'sha256', bytes: new Uint8Array(32) } as const

/** A store that holds what `graph` says; counts how it is asked. */
function graphStore(
  graph: Readonly<Record<string, readonly StorePath[]>>,
): Store & { asked: string[]; most: number; running: number } {
  return {
    asked: [],
    most: 0,
    running: 0,
    dir: '/nix/store',
    uri: 'test',
    async pathInfo(path): Promise<PathInfo> {
      this.asked.push(path)
      this.running++
      this.most = Math.max(this.most, this.running)
      // Some answers take longer than others.
      for (let turn = 0; turn < this.asked.length; turn++) await new Promise(setImmediate)
      this.running--
      const references = graph[path]
      if (references === undefined) throw pathMissing(path, 'test')
      return { path, references, narHash: HASH, narSize: 1, signatures: [] }
    },
    has: async (path) => graph[path] !== undefined,
    findByHashPart: async () => undefined,
    realPath: async () => undefined,
    async *entries() {},
  }
}

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((letter) => testPath(letter)) as [
  StorePath,
  StorePath,
  StorePath,
  StorePath,
]

test('a closure is all that is reached, each path once, sorted; cycles and self references end', async () => {
  const store = graphStore({ [a]: [a, b], [b]: [c], [c]: [a], [d]: [] })
  const found = await closure(store, [b, b])
  assert.deepEqual(
    found.map((node) => node.path),
    [a, b, c],
  )
  assert.deepEqual(store.asked.toSorted(), [a, b, c])
  assert.deepEqual(await closure(store, []), [])
})

test('a path that is missing is named with what refers to it, and nothing is left running', async () => {
  const store = graphStore({ [a]: [b, c], [b]: [] })
  await assert.rejects(closure(store, [a]), failsWith('STORE_PATH_MISSING', `"${a}" refers to "${c}"`))
  const slow = graphStore({ [a]: [b, c, d], [c]: [], [d]: [] })
  await assert.rejects(closure(slow, [a]), failsWith('STORE_PATH_MISSING', `"${a}" refers to "${b}"`))
  assert.deepEqual([slow.asked.length, slow.running], [4, 0])
  await assert.rejects(closure(store, [d]), failsWith('STORE_PATH_MISSING', `"${d}"`))
})

test('look-ups run side by side, but not without bound', async () => {
  const paths = Array.from({ length: 200 }, (_, index) => testPath('a', `n${index}`))
  const store = graphStore({ [a]: paths, ...Object.fromEntries(paths.map((path) => [path, []])) })
  assert.equal((await closure(store, [a])).length, 201)
  assert.ok(store.most > 8 && store.most <= 24, `${store.most} at once`)
})

test('a chain of 20000 paths costs no stack', async () => {
  const paths = Array.from({ length: 20_000 }, (_, index) => testPath('a', `n${index}`))
  const graph = paths.map((path, index) => ({ path, references: paths.slice(index + 1, index + 2) }))
  const parsed = parseReferenceGraph(JSON.stringify(graph))
  assert.equal(closureOf(parsed, [paths[0]!]).length, 20_000)
  assert.equal(closureOf(parsed, [paths[19_999]!]).length, 1)
})

test('a part of a graph is what its roots reach', () => {
  const graph = parseReferenceGraph(
    JSON.stringify([
      { path: b, references: [b, c], narSize: 2 },
      { path: c, references: [b] },
      { path: a, references: [] },
    ]),
  )
  assert.deepEqual(
    closureOf(graph, [c]).map((node) => node.path),
    [b, c],
  )
  assert.throws(() => closureOf(graph, [d]), failsWith('STORE_PATH_MISSING', d))
})
