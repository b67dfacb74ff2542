import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { indexGraph } from './indexed-graph.ts'
import { popularityCounts } from './popularity-counts.ts'

/** References of each node, all to later nodes; near ones, so that numbers grow large. */
const graphs = fc
  .integer({ min: 1, max: 200 })
  .chain((size) =>
    fc.tuple(
      ...Array.from({ length: size }, (_, node) =>
        fc
          .uniqueArray(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 6 })
          .map((steps) => steps.map((step) => node + step).filter((target) => target < size)),
      ),
    ),
  )

/** The definition itself: the sum of the ways to a node and to all above it. */
function literalCounts(references: readonly (readonly number[])[]): bigint[] {
  const ways: bigint[] = []
  const above: Set<number>[] = []
  for (let node = 0; node < references.length; node++) {
    const users = references.flatMap((targets, user) => (targets.includes(node) ? [user] : []))
    ways.push(users.reduce((sum, user) => sum + ways[user]!, users.length === 0 ? 1n : 0n))
    above.push(new Set([node, ...users.flatMap((user) => [...above[user]!])]))
  }
  return above.map((nodes) => [...nodes].reduce((sum, node) => sum + ways[node]!, 0n))
}

test('popularityCounts() is exact beyond 2^53, in one pass or in many', () => {
  let large = 0
  fc.assert(
    fc.property(graphs, (references) => {
      const graph = indexGraph(
        references.map((targets, node) => ({ path: `${node}`, references: targets.map(String), narSize: 1 })),
      )
      const expected = literalCounts(references)
      if (expected.some((count) => count > Number.MAX_SAFE_INTEGER)) large++
      assert.deepEqual(popularityCounts(graph).map(BigInt), expected)
      assert.deepEqual(popularityCounts(graph, 1).map(BigInt), expected)
      assert.deepEqual(popularityCounts(graph, 2 * references.length).map(BigInt), expected)
    }),
    { numRuns: 60 },
  )
  assert.ok(large > 0)
})
