import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { makeStreamHash } from './stream-hash.ts'

/** Chunks of odd lengths, some longer than a buffer of the ring. */
function chunks(): Buffer[] {
  const lengths = [1, 511, 262_144, 0, 262_145, 1_000_003, 7]
  return Array.from({ length: 60 }, (_, index) => Buffer.alloc(lengths[index % lengths.length] ?? 0, index))
}

for (const [what, hint, threads] of [
  ['inline', 0, 8],
  ['on a thread', 1e9, 2],
  ['inline where there is one thread', 1e9, 1],
] as const) {
  test(`hashes ${what} what is written`, async () => {
    const expected = createHash('sha256')
    await using hash = makeStreamHash(hint, threads)
    for (const chunk of chunks()) {
      expected.update(chunk)
      await hash.update(chunk)
      chunk.fill(255)
    }
    assert.equal(await hash.finish(), expected.digest('hex'))
  })
}

test('a hash that nobody finishes holds nothing up', async () => {
  await using hash = makeStreamHash(1e9, 2)
  await hash.update(Buffer.alloc(100))
})
