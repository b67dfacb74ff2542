import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ByteSink, copyTo, iterateWrites } from '#util'

const bytes = (text: string): Uint8Array => Buffer.from(text)

async function textOf(source: AsyncIterable<Uint8Array>): Promise<string[]> {
  return await Array.fromAsync(source, (chunk) => Buffer.from(chunk).toString())
}

test('iterateWrites() gives what is written, chunk by chunk; empty chunks are dropped', async () => {
  const chunks = iterateWrites(async (sink) => {
    for (const text of ['a', '', 'bc', '', 'd']) await sink.write(bytes(text))
  })
  assert.deepEqual(await textOf(chunks), ['a', 'bc', 'd'])
  assert.deepEqual(await textOf(iterateWrites(() => Promise.resolve())), [])
})

test('nothing is done before the first chunk is asked for, and nothing ahead of the reader', async () => {
  const steps: string[] = []
  const chunks = iterateWrites(async (sink) => {
    for (const text of ['a', 'b']) {
      steps.push(`write ${text}`)
      await sink.write(bytes(text))
    }
    steps.push('end')
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(steps, [])
  await chunks.next()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(steps, ['write a'])
  await chunks.next()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(steps, ['write a', 'write b'])
  assert.equal((await chunks.next()).done, true)
  assert.deepEqual(steps, ['write a', 'write b', 'end'])
})

test('one buffer may be written again and again: the reader has taken it before write() resolves', async () => {
  const chunks = iterateWrites(async (sink) => {
    const buffer = Buffer.alloc(1)
    for (const letter of 'abc') {
      buffer.write(letter)
      await sink.write(buffer)
    }
  })
  assert.deepEqual(await textOf(chunks), ['a', 'b', 'c'])
})

test('a reader that stops early makes the writer stop and waits until it has cleaned up', async () => {
  const steps: string[] = []
  const work = async (sink: ByteSink): Promise<void> => {
    try {
      for (;;) await sink.write(bytes('x'))
    } catch (error) {
      steps.push((error as Error).message)
      throw error
    } finally {
      await new Promise((resolve) => setImmediate(resolve))
      steps.push('cleaned up')
    }
  }
  for await (const chunk of iterateWrites(work)) {
    assert.equal(chunk.length, 1)
    break
  }
  assert.deepEqual(steps, ['The reader stopped', 'cleaned up'])
})

test('work that fails makes the iteration fail, behind what it has written', async () => {
  const failure = new Error('the work failed')
  const seen: string[] = []
  const chunks = iterateWrites(async (sink) => {
    await sink.write(bytes('before'))
    throw failure
  })
  await assert.rejects(async () => {
    for await (const chunk of chunks) seen.push(Buffer.from(chunk).toString())
  }, failure)
  assert.deepEqual(seen, ['before'])
})

test('copyTo() waits for every write', async () => {
  const seen: string[] = []
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const text of ['a', 'b']) {
      seen.push(`read ${text}`)
      yield await Promise.resolve(bytes(text))
    }
  }
  await copyTo(source(), {
    write: async (chunk) => {
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(`wrote ${Buffer.from(chunk).toString()}`)
    },
  })
  assert.deepEqual(seen, ['read a', 'wrote a', 'read b', 'wrote b'])
})
