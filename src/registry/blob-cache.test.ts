import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestOf } from '#image'
import { makeTempDir } from '#util'
import { BlobCache } from './blob-cache.ts'

const BYTES = Buffer.from('content')
const DIGEST = digestOf(BYTES)

async function* chunks(...parts: readonly (Buffer | Error)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part
    yield part
  }
}

async function drain(source: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of source) text += Buffer.from(chunk).toString()
  return text
}

test('BlobCache keeps what ended well, under its digest', async () => {
  await using folder = await makeTempDir('blob-cache-')
  const cache = new BlobCache(folder.path)
  assert.equal(await cache.has(DIGEST, undefined), false)
  assert.equal(await drain(cache.keep(DIGEST, chunks(BYTES.subarray(0, 3), BYTES.subarray(3)))), 'content')
  assert.equal(await cache.has(DIGEST, 7), true)
  assert.equal(await cache.has(DIGEST, 8), false)
  assert.equal(await drain(cache.read(DIGEST)), 'content')
  assert.deepEqual(readdirSync(join(folder.path, 'blobs/sha256')), [DIGEST.slice(7)])
})

test('BlobCache keeps nothing that broke, or that nobody read to its end', async () => {
  await using folder = await makeTempDir('blob-cache-')
  const cache = new BlobCache(folder.path)
  await assert.rejects(drain(cache.keep(DIGEST, chunks(BYTES, new Error('broken')))), { message: 'broken' })
  for await (const _ of cache.keep(DIGEST, chunks(BYTES, BYTES))) break
  assert.equal(await cache.has(DIGEST, undefined), false)
  assert.deepEqual(readdirSync(join(folder.path, 'blobs/sha256')), [])
})

test('BlobCache sweeps away what killed processes left, and leaves those that live alone', async () => {
  await using folder = await makeTempDir('blob-cache-')
  const directory = join(folder.path, 'blobs/sha256')
  mkdirSync(directory, { recursive: true })
  const { pid: gone } = spawnSync('true')
  writeFileSync(join(directory, `.${gone}-x`), 'part')
  writeFileSync(join(directory, `.${process.pid}-x`), 'part')
  await drain(new BlobCache(folder.path).keep(DIGEST, chunks(BYTES)))
  assert.deepEqual(readdirSync(directory).toSorted(), [`.${process.pid}-x`, DIGEST.slice(7)].toSorted())
})
