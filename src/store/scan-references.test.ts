import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { scanReferences, storePathHash } from '#store'
import { chunked, failsWith, testPath } from './test-support.test.ts'

const NONE: ReadonlySet<string> = new Set()

async function scan(
  text: string | Buffer,
  known: Iterable<string> = [],
  chunkBytes?: number,
): Promise<{ hashParts: string[]; texts: string[] }> {
  const found = await scanReferences(chunked(Buffer.from(text), chunkBytes), { knownHashParts: new Set(known) })
  return { hashParts: [...found.hashParts].toSorted(), texts: [...found.texts].toSorted() }
}

test('hash parts count wherever they stand, if they are known', async () => {
  const hashPart = storePathHash(testPath('a'))
  const other = 'b'.repeat(32)
  assert.deepEqual(await scan(`\0${hashPart}\xff`, [hashPart, other]), { hashParts: [hashPart], texts: [] })
  assert.deepEqual(await scan(`zzz${hashPart}000`, [hashPart]), { hashParts: [hashPart], texts: [] })
  assert.deepEqual(await scan(`${hashPart.slice(1)}-`, [hashPart]), { hashParts: [], texts: [] })
})

test('texts in the form of a store path are found though nobody knows them', async () => {
  const [a, b] = [testPath('a', 'x-1.0'), testPath('b')]
  const text = `PATH=${a}/bin:${b}/bin "/nix/store/short-x" /nix/store//nix/store/`
  assert.deepEqual(await scan(text), { hashParts: [], texts: [a, b] })
})

test('a text ends where no name can go on, and a name that is too long is none', async () => {
  const long = testPath('a', 'n'.repeat(211))
  assert.deepEqual((await scan(`${long}/x`)).texts, [long])
  assert.deepEqual((await scan(`${long}x`)).texts, [])
  assert.deepEqual((await scan(long)).texts, [long])
})

test('the store folder may be another', async () => {
  const path = testPath('a').replace('/nix/store', '/s')
  const found = await scanReferences(chunked(Buffer.from(` ${path} ${testPath('b')}`)), {
    storeDir: '/s',
    knownHashParts: NONE,
  })
  assert.deepEqual([...found.texts], [path])
})

test('what stands across the boundary of chunks or blocks is found whole', async () => {
  const path = testPath('a', 'n'.repeat(200))
  for (const at of [
    0,
    1,
    262_144 - 300,
    262_144 - 256,
    262_144 - 255,
    262_144 - 100,
    262_144 - 33,
    262_144 - 1,
    262_144,
    524_200,
  ]) {
    const bytes = Buffer.concat([Buffer.alloc(at), Buffer.from(path), Buffer.from('/ ')])
    for (const size of [1_000_000, 65_536, 4099]) {
      const found = await scan(bytes, ['a'.repeat(32)], size)
      assert.deepEqual(found, { hashParts: ['a'.repeat(32)], texts: [path] }, `at ${at} in chunks of ${size}`)
    }
  }
})

test('the scan finds what looking at every window finds', async () => {
  const piece = fc.oneof(
    fc.constantFrom('/nix/store/', '-', '-name', 'a'.repeat(32), 'b'.repeat(32), 'e', '\0', '/', '0', 'ab'.repeat(16)),
    fc.string({ maxLength: 5 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), fc.integer({ min: 1, max: 200 }), async (pieces, size) => {
      const text = Buffer.from(pieces.join('')).toString('latin1')
      const known = ['a'.repeat(32), 'b'.repeat(32), 'ab'.repeat(16), '0'.repeat(32)]
      const texts = [...text.matchAll(/(?=(\/nix\/store\/[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]+))/g)]
        .map((match) => match[1]!)
        .filter((path) => path.length <= 11 + 33 + 211 && !/^.{44}\.\.?(-|$)/.test(path))
      assert.deepEqual(await scan(Buffer.from(text, 'latin1'), known, size), {
        hashParts: known.filter((hashPart) => text.includes(hashPart)).toSorted(),
        texts: [...new Set(texts)].toSorted(),
      })
    }),
    { numRuns: 300 },
  )
})

test('a stream of ever new texts is stopped', async () => {
  const text = ['a', 'b', 'c'].map((letter) => testPath(letter)).join(' ')
  const options = { knownHashParts: NONE, maxTexts: 2 }
  await assert.rejects(scanReferences(chunked(Buffer.from(text)), options), failsWith('LIMIT_EXCEEDED', 'maxTexts'))
})
