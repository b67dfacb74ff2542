import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createCipheriv } from 'node:crypto'
import { describe, test } from 'node:test'
import { constants, deflateRawSync } from 'node:zlib'
import { array, assert as checkProperty, asyncProperty, integer, nat, oneof } from 'fast-check'
import { compressBlocks } from './compress-blocks.ts'
import type { Codec } from './pack-block.ts'

/** Half text, half noise, the same each time. */
function sampleBytes(length: number): Buffer {
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16, length % 251)).update(
    Buffer.alloc(length),
  )
  for (let start = 0; start < length; start += 8192) {
    for (let index = start; index < Math.min(start + 4096, length); index++) noise[index] = 97 + (noise[index]! & 7)
  }
  return noise
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks))
}

async function* cutUnevenly(bytes: Buffer, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let start = 0, index = 0; start < bytes.length; index++) {
    const length = index < lengths.length ? lengths[index]! : 777
    yield bytes.subarray(start, start + length)
    start += length
  }
}

describe('compressBlocks()', () => {
  const small = { blockBytes: 1000, dictionaryBytes: 400, borrow: false }

  /** The same blocks, cut from the whole. */
  function expectedBlocks(plain: Buffer): Buffer {
    const parts: Buffer[] = []
    for (let start = 0; start === 0 || start < plain.length; start += small.blockBytes) {
      const isLast = start + small.blockBytes >= plain.length
      const finishFlush = isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH
      const dictionary = plain.subarray(Math.max(start - small.dictionaryBytes, 0), start)
      const options = { level: 6, memLevel: 8, finishFlush, ...(start === 0 ? {} : { dictionary }) }
      parts.push(deflateRawSync(plain.subarray(start, start + small.blockBytes), options))
    }
    return Buffer.concat(parts)
  }

  const sizes = oneof(
    nat({ max: 12_000 }),
    nat({ max: 11 }).map((blocks) => blocks * small.blockBytes),
  )
  const chunkSizes = array(nat({ max: 2500 }), { minLength: 1, maxLength: 20 })

  test('borrowed chunks hold the same bytes until the next is asked for', async () => {
    const plain = sampleBytes(60_000)
    const parts: Buffer[] = []
    const options = { ...small, codec: 'zlib', workers: 2, borrow: true } as const
    for await (const chunk of compressBlocks(cutUnevenly(plain, []), options)) parts.push(Buffer.from(chunk))
    assert.ok(Buffer.concat(parts).equals(expectedBlocks(plain)))
  })

  test('no byte depends on how the input is cut', async () => {
    await checkProperty(
      asyncProperty(sizes, chunkSizes, async (size, lengths) => {
        const plain = sampleBytes(size)
        const options = { ...small, codec: 'zlib', workers: 0 } as const
        const packed = await collect(compressBlocks(cutUnevenly(plain, lengths), options))
        assert.ok(packed.equals(expectedBlocks(plain)))
      }),
      { numRuns: 100 },
    )
  })

  test('nor on threads', async () => {
    await checkProperty(
      asyncProperty(sizes, chunkSizes, integer({ min: 1, max: 3 }), async (size, lengths, workers) => {
        const plain = sampleBytes(size)
        const packed = await collect(compressBlocks(cutUnevenly(plain, lengths), { ...small, codec: 'zlib', workers }))
        assert.ok(packed.equals(expectedBlocks(plain)))
      }),
      { numRuns: 4 },
    )
  })

  test('does not read further than it has slots while nobody takes the result', async () => {
    let chunksRead = 0
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        chunksRead++
        yield sampleBytes(small.blockBytes)
      }
    }
    for (const workers of [0, 2]) {
      chunksRead = 0
      const packed = compressBlocks(endless(), { ...small, codec: 'zlib', workers })
      await packed.next()
      await new Promise((resolve) => setTimeout(resolve, 20))
      assert.ok(chunksRead <= 2 * workers + 2, `${chunksRead} chunks with ${workers} threads`)
      await packed.return(undefined)
    }
  })

  test('gives the source back when the reader stops, and passes its errors on', async () => {
    for (const workers of [0, 2]) {
      let isClosed = false
      async function* source(): AsyncGenerator<Uint8Array> {
        try {
          for (let block = 0; block < 20; block++) yield sampleBytes(small.blockBytes)
          throw new Error('the disk is gone')
        } finally {
          isClosed = true
        }
      }
      for await (const _ of compressBlocks(source(), { ...small, codec: 'zlib', workers })) break
      assert.equal(isClosed, true)
      await assert.rejects(collect(compressBlocks(source(), { ...small, codec: 'zlib', workers })), /the disk is gone/)
    }
  })

  test('a thread that fails is one error, not a wait for ever', async () => {
    const options = { ...small, codec: 'none-such' as Codec, blockBytes: -1, workers: 1 }
    await assert.rejects(collect(compressBlocks(cutUnevenly(sampleBytes(10_000), []), options)))
  })

  test('the process can end while a stream is left half-read, or is thrown away', () => {
    const index = new URL('index.ts', import.meta.url).href
    const script = `
      import { getCompressor } from ${JSON.stringify(index)}
      async function* zeros() { for (let n = 0; n < 64; n++) yield new Uint8Array(2 ** 20) }
      const left = getCompressor('gz').compress(zeros(), { workers: 2 })
      await left.next()
      await left.next()
      for await (const _ of getCompressor('zstd').compress(zeros(), { workers: 1 })) break
      process.stdout.write('end')
    `
    const args = ['--conditions=source', '--input-type=module', '-e', script]
    const { stdout, stderr } = spawnSync(process.execPath, args, { timeout: 20_000, encoding: 'utf8' })
    assert.equal(stdout, 'end', stderr)
  })
})
