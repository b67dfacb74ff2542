import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatHash, parseReferenceGraph } from '#store'
import { failsWith, testPath } from './test-support.test.ts'

const [a, b] = [testPath('a'), testPath('b')]
const NAR_HASH = 'sha256:1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s'

test('a graph is sorted by path, and so are references, each once', () => {
  const items = [
    { path: b, references: [b, a, b], narSize: 7, narHash: NAR_HASH, closureSize: 9, valid: true },
    { path: a, references: [] },
  ]
  const [first, second] = parseReferenceGraph(JSON.stringify(items))
  assert.deepEqual(first, { path: a, references: [], narSize: 0 })
  assert.deepEqual(second?.references, [a, b])
  assert.equal(second.closureSize, 9)
  assert.equal(formatHash(second.narHash!, 'hex'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

test('an attributes file with one graph in it is a graph', () => {
  const items = [{ path: a, references: [] }]
  assert.equal(parseReferenceGraph(JSON.stringify({ name: 'x', list: ['y'], graph: items })).length, 1)
  assert.deepEqual(parseReferenceGraph('[]'), [])
})

test('a reference to a path that is not in the graph names both', () => {
  const graph = JSON.stringify([{ path: a, references: [b] }])
  assert.throws(() => parseReferenceGraph(graph), failsWith('STORE_PATH_MISSING', `"${a}" refers to "${b}"`))
})

const bad: Readonly<Record<string, [json: string, fault: string]>> = {
  'no JSON': ['[', 'no JSON'],
  'a text': ['"x"', 'no list'],
  null: ['null', 'no list'],
  'an object without a graph': ['{"a": []}', 'holds 0 lists'],
  'two graphs': [JSON.stringify({ x: [{ path: a }], y: [{ path: a }] }), 'holds 2 lists'],
  'an item that is null': ['[null]', 'no text "path"'],
  'an item without path': ['[{}]', 'no text "path"'],
  'no references': [JSON.stringify([{ path: a }]), '"references" of'],
  'references that are no texts': [JSON.stringify([{ path: a, references: [1] }]), '"references" of'],
  'a path twice': [
    JSON.stringify([
      { path: a, references: [] },
      { path: a, references: [] },
    ]),
    'twice',
  ],
  'a negative size': [JSON.stringify([{ path: a, references: [], narSize: -1 }]), '"narSize" of'],
  'a size that is no whole number': [JSON.stringify([{ path: a, references: [], narSize: 1.5 }]), '"narSize" of'],
  'a hash that is a number': [JSON.stringify([{ path: a, references: [], narHash: 1 }]), '"narHash" of'],
}
for (const [what, [json, fault]] of Object.entries(bad)) {
  test(`a graph that is or has ${what} is refused`, () => {
    assert.throws(() => parseReferenceGraph(json), failsWith('FORMAT_INVALID', fault))
  })
}

test('a path that is no store path is refused, and so is JSON nested without end', () => {
  assert.throws(() => parseReferenceGraph('[{"path": "/x", "references": []}]'), failsWith('STORE_PATH_INVALID'))
  assert.throws(() => parseReferenceGraph('['.repeat(1_000_000)), failsWith('FORMAT_INVALID'))
})
