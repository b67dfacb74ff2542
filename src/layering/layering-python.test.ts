/** Checks what depends on CPython's hashing and sets against CPython itself. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { layerAutomatically, type LayeringNode, popularityOrder } from './index.ts'
import { pythonFrozensetHash, pythonStringHash } from './python-hash.ts'
import { pythonSetOrder } from './python-set-order.ts'

const SIPHASH_13 = 'import sys; sys.exit(sys.hash_info.algorithm != "siphash13" or sys.hash_info.width != 64)'
const skip = spawnSync('python3', ['-c', SIPHASH_13]).status === 0 ? false : 'no python3 of 64 bits with SipHash-1-3'

/** Runs `script`, which has the decoded `input` in `data`, and decodes what it leaves in `result`. */
function python(script: string, input: unknown): unknown {
  const program = `import json, sys\ndata = json.load(sys.stdin)\n${script}\njson.dump(result, sys.stdout)`
  const child = spawnSync('python3', ['-c', program], {
    input: JSON.stringify(input),
    env: { ...process.env, PYTHONHASHSEED: '0' },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  assert.equal(child.status, 0, child.stderr)
  return JSON.parse(child.stdout)
}

/** The same values on every run: Python is asked once, not once a value. */
function samples<T>(arbitrary: fc.Arbitrary<T>, count: number): T[] {
  return fc.sample(arbitrary, { numRuns: count, seed: 20_240 })
}

const byteText = fc.string({
  unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCodePoint(code)),
  maxLength: 70,
})

test('pythonStringHash() is hash() of a str', { skip }, () => {
  const texts = [
    '',
    'a',
    '1234567',
    '12345678',
    '/nix/store/x40qravmfzwnc5i5l6210xmpb4d2vhkc-b',
    ...samples(byteText, 300),
  ]
  const expected = python('result = [str(hash(text) % 2**64) for text in data]', texts)
  assert.deepEqual(
    texts.map((text) => String(pythonStringHash(text))),
    expected,
  )
})

test('pythonFrozensetHash() is hash() of a frozenset', { skip }, () => {
  const sets = samples(fc.uniqueArray(byteText, { maxLength: 40 }), 200)
  const expected = python('result = [str(hash(frozenset(texts)) % 2**64) for texts in data]', sets)
  assert.deepEqual(
    sets.map((texts) => String(pythonFrozensetHash(texts.map(pythonStringHash)))),
    expected,
  )
})

test('pythonSetOrder() is the order of a set, however often it had to grow', { skip }, () => {
  // An int is its own hash, which saves time: past 50,000 elements a set grows by less.
  const numbers = Array.from({ length: 60_000 }, (_, index) => (index * 829_337_191) % 2_147_483_647)
  const lists = samples(fc.uniqueArray(byteText, { maxLength: 300, size: 'max' }), 40)
  const expected = python('result = [list(set(values)) for values in data]', [numbers, ...lists])
  const hashes = [numbers.map(BigInt), ...lists.map((texts) => texts.map(pythonStringHash))]
  const actual = [numbers, ...lists].map((values, list) => pythonSetOrder(hashes[list]!).map((index) => values[index]))
  assert.deepEqual(actual, expected)
})

function pathOf(index: number): string {
  return `/nix/store/${String((index * 37) % 101).padStart(32, 'x')}-p${index % 7}-1`
}

/** Graphs sorted by path, with many equal sizes; edges go to later numbers, or with `backwards` anywhere. */
function graphs(maxNodes: number, backwards: boolean): fc.Arbitrary<LayeringNode[]> {
  return fc
    .integer({ min: 1, max: maxNodes })
    .chain((size) =>
      fc.tuple(
        ...Array.from({ length: size }, (_, index) =>
          fc.record({
            path: fc.constant(pathOf(index)),
            references: fc
              .uniqueArray(fc.integer({ min: backwards ? 0 : index, max: size - 1 }), { maxLength: 4 })
              .map((targets) => targets.map(pathOf).toSorted()),
            narSize: fc.constantFrom(100, 100, 100, 200, 5000),
          }),
        ),
      ),
    )
    .map((nodes) => nodes.toSorted((a, b) => (a.path < b.path ? -1 : 1)))
}

const AUTOMATIC = `
def walk(start, step):
    found, todo = set(), [start]
    while todo:
        for other in step[todo.pop()]:
            if other not in found:
                found.add(other)
                todo.append(other)
    return found

def layers(graph, limit):
    size = {n["path"]: n["narSize"] for n in graph}
    down = {n["path"]: n["references"] for n in graph}
    up = {p: [q for q in down if p in down[q]] for p in down}
    carried = {p: frozenset() for p in down}
    for primary in reversed(sorted(down, key=size.get)):
        under = walk(primary, down) - {primary}
        over = walk(primary, up) - {primary}
        trial = dict(carried)
        trial[primary] = frozenset([primary])
        for p in under:
            left = trial[p] - over
            trial[p] = left if left & under else left | {primary}
        if len(set(trial.values())) > limit:
            break
        carried = trial
    def closure(group):
        inside = [p for p in down if carried[p] == group]
        return sum(map(size.get, set(inside).union(*(walk(p, down) for p in inside))))
    groups = sorted(set(carried[p] for p in down), key=closure)
    name = lambda p: (p.split("-", 1)[1], p.split("-", 1)[0])
    return [sorted((p for p in down if carried[p] == g), key=name) for g in groups]

result = [[layers(graph, limit) for limit in (1, 2, 3, 6, 12, 99)] for graph in data]
`

test('layerAutomatically() breaks ties as sets of frozensets do in Python', { skip }, () => {
  const inputs = [...samples(graphs(30, false), 40), ...samples(graphs(30, true), 20)]
  const expected = python(AUTOMATIC, inputs)
  const actual = inputs.map((graph) =>
    [1, 2, 3, 6, 12, 99].map((layerLimit) => layerAutomatically(graph, { layerLimit, excludePaths: [] })),
  )
  assert.deepEqual(actual, expected)
})

test('popularityOrder() appends paths that no root leads to in the order of a Python set', { skip }, () => {
  const inputs = samples(graphs(12, true), 200)
  const expected = python(
    `
def unreached(graph):
    down = {n["path"]: [r for r in n["references"] if r != n["path"]] for n in graph}
    seen, todo = set(), [p for p in down if not any(p in refs for refs in down.values())]
    while todo:
        p = todo.pop()
        if p not in seen:
            seen.add(p)
            todo.extend(down[p])
    everything = sorted([n["path"] for n in graph] + [r for n in graph for r in n["references"]])
    return [p for p in set(everything) if p not in seen]

result = [unreached(graph) for graph in data]
`,
    inputs,
  ) as string[][]
  assert.ok(expected.filter((paths) => paths.length > 1).length > 50)
  for (const [index, graph] of inputs.entries()) {
    const paths = expected[index]!
    assert.deepEqual(popularityOrder(graph).slice(graph.length - paths.length), paths)
  }
})
