import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { digestOf } from '#image'
import { makeTempDir } from '#util'
import { PackedCache } from './packed-cache.ts'

const NOW = 1_700_000_000_000
const CONTENT = Buffer.from('compressed, as it were')
const LAYER = digestOf(Buffer.from('a layer'))

async function bytesOf(blob: { open(offset: number): AsyncIterable<Uint8Array> }, offset: number): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of blob.open(offset)) chunks.push(Uint8Array.from(chunk))
  return Buffer.concat(chunks).toString()
}

describe('PackedCache', () => {
  test('keeps a blob under its digest once it is whole', async () => {
    await using folder = await makeTempDir('cache-')
    await using cache = new PackedCache(folder.path, () => NOW)
    {
      await using _dropped = await cache.draft()
      await using draft = await cache.draft()
      await draft.write(CONTENT)
      await using kept = await draft.finish()
      assert.deepEqual([kept.digest, kept.size], [digestOf(CONTENT), CONTENT.length])
      assert.equal(await bytesOf(kept, 4), CONTENT.toString().slice(4))
      await cache.remember(LAYER, 'gz-1', kept)
    }
    await using again = new PackedCache(folder.path, () => NOW)
    const name = await again.recall(LAYER, 'gz-1')
    assert.deepEqual(name, { digest: digestOf(CONTENT), size: CONTENT.length })
    assert.equal(await again.recall(LAYER, 'zstd-1'), undefined)
    await using opened = await again.open(name)
    assert.equal(opened === undefined ? undefined : await bytesOf(opened, 0), CONTENT.toString())
    assert.equal(await again.open({ ...name, size: 1 }), undefined)
  })

  test('without a folder keeps nothing, and works all the same', async () => {
    for (const directory of [undefined, '/dev/null/cache']) {
      await using cache = new PackedCache(directory, () => NOW)
      await using draft = await cache.draft()
      await draft.write(CONTENT)
      await using kept = await draft.finish()
      await cache.remember(LAYER, 'gz-1', kept)
      await cache.addPlace(kept.digest, 'r', 'a/b')
      assert.deepEqual([await cache.recall(LAYER, 'gz-1'), await cache.open(kept)], [undefined, undefined])
      assert.equal(await bytesOf(kept, 0), CONTENT.toString())
    }
  })

  test('removes what was not used for longest once there is too much, and what was left behind', async () => {
    await using folder = await makeTempDir('cache-')
    const blobs = join(folder.path, 'packed-v1/blobs')
    mkdirSync(join(blobs, 'dockertools-blob-left'), { recursive: true })
    utimesSync(join(blobs, 'dockertools-blob-left'), 1, 1)
    // Sparse: 9 GB of nothing.
    for (const [name, age] of [
      ['old', 3],
      ['middle', 2],
      ['new', 1],
    ] as const) {
      writeFileSync(join(blobs, name), '')
      truncateSync(join(blobs, name), 3_000_000_000)
      utimesSync(join(blobs, name), NOW / 1000 - age, NOW / 1000 - age)
    }
    {
      await using cache = new PackedCache(folder.path, () => NOW)
      await using _draft = await cache.draft()
    }
    assert.deepEqual(readdirSync(blobs).toSorted(), ['middle', 'new'])
  })

  test('remembers where blobs were pushed to, for one registry at a time, the latest first', async () => {
    await using folder = await makeTempDir('cache-')
    await using cache = new PackedCache(folder.path, () => NOW)
    const digest = digestOf(CONTENT)
    for (const repository of ['a', 'b', 'a', 'c', 'd', 'e']) await cache.addPlace(digest, '../evil:5000', repository)
    assert.deepEqual(await cache.placesOf(digest, '../evil:5000'), ['e', 'd', 'c', 'a'])
    assert.deepEqual(await cache.placesOf(digest, 'other'), [])
    assert.ok(!existsSync(join(folder.path, 'evil:5000')))
    const root = join(folder.path, 'packed-v1')
    assert.equal(statSync(root).mode & 0o777, 0o700)
  })

  test('takes what is broken for nothing', async () => {
    await using folder = await makeTempDir('cache-')
    await using cache = new PackedCache(folder.path, () => NOW)
    await cache.remember(LAYER, 'gz-1', { digest: digestOf(CONTENT), size: 1 })
    const [name = ''] = readdirSync(join(folder.path, 'packed-v1/names'))
    for (const text of ['', '{', 'null', '{"digest":"sha256:../../x","size":1}', '{"digest":7}', '[]']) {
      writeFileSync(join(folder.path, 'packed-v1/names', name), text)
      assert.equal(await cache.recall(LAYER, 'gz-1'), undefined, text)
    }
  })
})
