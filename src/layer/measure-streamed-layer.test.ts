import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { LayerWorkshop, measureStreamedLayer } from '#layer'
import { treeEntries } from '#tree'
import { type ByteString, toByteString } from '#util'
import { bytesOf, makeFolder, makeTree, OWNER, sha256, specOf } from './test-support.test.ts'

async function onDisk(spec: ReturnType<typeof specOf>): Promise<string> {
  await using shop = new LayerWorkshop({ threads: 1, now: () => 0, totalSizeHint: 1 })
  return (await shop.measure(spec, 0, 1)).digest
}

test('a streamed layer is the one that is made from disk', async (t) => {
  const folder = makeFolder(t)
  const roots = [makeTree(folder, 'a'), makeTree(folder, 'b', 6_000_000)]
  const layer = await measureStreamedLayer({
    roots: roots.map(({ logical, physical }) => ({ logical, open: () => treeEntries(physical, 'bytes') })),
    owner: OWNER,
    mtimeSeconds: 1,
  })
  assert.equal(layer.digest, await onDisk(specOf(...roots)))
  assert.equal(sha256(await bytesOf(layer)), layer.digest)
})

test('names that are not UTF-8 are put into pathlib’s order, which is not that of a NAR', async (t) => {
  const folder = makeFolder(t)
  const root = join(folder, 'odd')
  mkdirSync(root)
  // Decoded, the bad byte is U+DCFF: before U+FFEE and U+1F600, behind which its byte stands.
  for (const name of [[0xff], [0xef, 0xbf, 0xae], [0xf0, 0x9f, 0x98, 0x80], [0x61]]) {
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Uint8Array.from(name)]), 'x')
  }
  const logical = toByteString(`/nix/store/${'0'.repeat(32)}-odd`)
  const physical = toByteString(root)
  const opened: ByteString[] = []
  const layer = await measureStreamedLayer({
    roots: [
      {
        logical,
        open: () => {
          opened.push(physical)
          return treeEntries(physical, 'bytes')
        },
      },
    ],
    owner: OWNER,
    mtimeSeconds: 1,
  })
  assert.equal(layer.digest, await onDisk(specOf({ logical, physical, canonicalModes: false })))
  assert.equal(opened.length, 2)
  await layer[Symbol.asyncDispose]()
})
