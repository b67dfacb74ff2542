import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { CompressionThreads } from './compression-threads.ts'
import { getCompressor } from './compressor.ts'

function bytesOf(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let index = 0; index < length; index++) {
    state = (state * 48271) % 0x7fffffff
    bytes[index] = 97 + (state % 19)
  }
  return bytes
}

async function packed(name: 'gz' | 'zstd', bytes: Buffer, threads?: CompressionThreads): Promise<Buffer> {
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let offset = 0; offset < bytes.length; offset += 300_000) {
      yield await Promise.resolve(bytes.subarray(offset, offset + 300_000))
    }
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of getCompressor(name).compress(source(), { threads })) chunks.push(chunk)
  return Buffer.concat(chunks)
}

describe('CompressionThreads', () => {
  for (const name of ['gz', 'zstd'] as const) {
    test(`gives many ${name} streams at once the bytes that each has alone`, async () => {
      const inputs = [0, 1, 100_000, 524_288, 524_289, 3_000_000, 9_000_000, 77].map((length, index) =>
        bytesOf(index + 1, length),
      )
      await using threads = new CompressionThreads(2)
      const together = await Promise.all(inputs.map((bytes) => packed(name, bytes, threads)))
      for (const [index, bytes] of inputs.entries()) {
        const result = together[index] ?? Buffer.alloc(0)
        assert.ok(result.equals(await packed(name, bytes)), `${bytes.length} bytes`)
        assert.ok((name === 'gz' ? gunzipSync(result) : zstdDecompressSync(result)).equals(bytes))
      }
    })
  }

  test('with no thread compresses all the same', async () => {
    await using threads = new CompressionThreads(0)
    const bytes = bytesOf(5, 5_000_000)
    assert.ok(gunzipSync(await packed('gz', bytes, threads)).equals(bytes))
  })
})
