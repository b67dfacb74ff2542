import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '#image'
import type { MeasuredLayer, UnmeasuredLayer } from '#layer'
import type { ByteSink } from '#util'
import { SentWhileMade } from './streamed-layer.ts'

const CHUNKS = ['one ', 'two ', 'three'].map((text) => Buffer.from(text))
const WHOLE = Buffer.concat(CHUNKS)

async function writeChunks(sink: ByteSink): Promise<void> {
  for (const chunk of CHUNKS) await sink.write(chunk)
}

/** A layer that may be made once, and be read again and again then. */
function unmeasured(): UnmeasuredLayer & { readonly made: () => number } {
  let made = 0
  const measured = (): MeasuredLayer => ({
    digest: digestOf(WHOLE),
    size: WHOLE.length,
    prepare: () => undefined,
    skip: () => undefined,
    writeTo: writeChunks,
    again: measured,
  })
  return {
    made: () => made,
    async writeTo(sink) {
      made++
      await writeChunks(sink)
      return measured()
    },
  }
}

async function read(source: AsyncIterable<Uint8Array>, most = Infinity): Promise<string> {
  let text = ''
  for await (const chunk of source) {
    text += String(Buffer.from(chunk))
    if (text.length >= most) break
  }
  return text
}

test('a layer that is sent while it is made has a digest when it is sent, or given up', async () => {
  for (const most of [Infinity, 1]) {
    const layer = unmeasured()
    const sent = new SentWhileMade(layer, AbortSignal.timeout(10_000))
    assert.equal(await read(sent.open(), most), most === 1 ? 'one ' : String(WHOLE))
    assert.equal((await sent.measured()).digest, digestOf(WHOLE))
    // Asked for again, it is read, and not made again.
    assert.equal(await read(sent.open()), String(WHOLE))
    assert.equal(layer.made(), 1)
  }
  const layer = unmeasured()
  assert.equal((await new SentWhileMade(layer, AbortSignal.timeout(10_000)).measured()).size, WHOLE.length)
  assert.equal(layer.made(), 1)
})

test('a layer that is sent while it is made stops when it is told to', async () => {
  const stop = new AbortController()
  const sent = new SentWhileMade(unmeasured(), stop.signal)
  const reading = (async () => {
    for await (const _ of sent.open()) stop.abort(new Error('stopped'))
  })()
  await assert.rejects(reading, { message: 'stopped' })
})
