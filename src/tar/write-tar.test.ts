import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TarEntry } from './tar-header.ts'
import { chunked, fileHeader } from './test-support.test.ts'
import { writeTar } from './write-tar.ts'

function entry(size: number, content: string): TarEntry {
  return { ...fileHeader(), size, open: () => chunked(Buffer.from(content), 3) }
}

async function partsUntilError(entries: Iterable<TarEntry>): Promise<{ parts: Uint8Array[]; error: unknown }> {
  const parts: Uint8Array[] = []
  try {
    for await (const part of writeTar(entries, 'pax')) parts.push(part)
  } catch (error) {
    return { parts, error }
  }
  return { parts, error: undefined }
}

test('writeTar() of nothing is an empty archive of one record', async () => {
  const { parts } = await partsUntilError([])
  assert.equal(Buffer.concat(parts).compare(Buffer.alloc(10240)), 0)
})

test('writeTar() refuses a body that is too short, before its padding', async () => {
  const { parts, error } = await partsUntilError([entry(8, '1234567')])
  assert.deepEqual(
    parts.map((part) => part.length),
    [512, 3, 3, 1],
  )
  assert.deepEqual(
    [Reflect.get(error as Error, 'code'), (error as Error).message],
    ['FILE_CHANGED', 'Cannot write the tar member "file": its content has 7 bytes, it should have 8'],
  )
})

test('writeTar() refuses a body that is too long, before the chunk that is too much', async () => {
  const { parts, error } = await partsUntilError([entry(5, '123456789')])
  assert.deepEqual(
    parts.map((part) => part.length),
    [512, 3],
  )
  assert.equal(Reflect.get(error as Error, 'code'), 'FILE_CHANGED')
})

test('writeTar() closes the body and the entries when the reader stops', async () => {
  const closed: string[] = []
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield new Uint8Array(1)
    } finally {
      closed.push('body')
    }
  }
  function* entries(): Generator<TarEntry> {
    try {
      yield { ...fileHeader(), size: 100, open: body }
    } finally {
      closed.push('entries')
    }
  }
  let seen = 0
  for await (const _ of writeTar(entries(), 'gnu')) if (++seen === 3) break
  assert.deepEqual(closed, ['body', 'entries'])
})
