import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { constants, crc32, deflateRawSync, gunzipSync, zstdCompressSync } from 'node:zlib'
import { compressGzip } from './compress-gzip.ts'
import { type CompressorName, getCompressor } from './compressor.ts'

const KIB = 1024
const GZIP_BLOCK_BYTES = 512 * KIB
const ZSTD_FRAME_BYTES = 4 * KIB * KIB

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

async function* cut(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += chunkBytes) yield bytes.subarray(start, start + chunkBytes)
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks))
}

/** What gz should be, put together in another way. */
function expectedGzip(plain: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from('1f8b0800000000000003', 'hex')]
  const blocks = Math.max(Math.ceil(plain.length / GZIP_BLOCK_BYTES), 1)
  for (let block = 0; block < blocks; block++) {
    const start = block * GZIP_BLOCK_BYTES
    const finishFlush = block === blocks - 1 ? constants.Z_FINISH : constants.Z_SYNC_FLUSH
    const dictionary = plain.subarray(Math.max(start - 32 * KIB, 0), start)
    const options = { level: 6, memLevel: 8, finishFlush, ...(start === 0 ? {} : { dictionary }) }
    parts.push(deflateRawSync(plain.subarray(start, start + GZIP_BLOCK_BYTES), options))
  }
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(plain), 0)
  trailer.writeUInt32LE(plain.length, 4)
  return Buffer.concat([...parts, trailer])
}

/** What zstd should be, put together in another way. */
function expectedZstd(plain: Buffer): Buffer {
  const frames: Buffer[] = []
  for (let start = 0; start === 0 || start < plain.length; start += ZSTD_FRAME_BYTES) {
    const params = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 }
    const block = plain.subarray(start, start + ZSTD_FRAME_BYTES)
    frames.push(zstdCompressSync(block, { params, pledgedSrcSize: block.length, chunkSize: 8 * KIB * KIB }))
  }
  return Buffer.concat(frames)
}

function missing(program: string): string | false {
  return spawnSync(program, ['--version']).error === undefined ? false : `${program} not there`
}

const SIZES = [0, 1, GZIP_BLOCK_BYTES - 1, GZIP_BLOCK_BYTES, GZIP_BLOCK_BYTES + 1, 2 * GZIP_BLOCK_BYTES + 1]

describe('getCompressor("gz")', () => {
  for (const size of SIZES) {
    test(`${size} bytes become the bytes they should, and come back`, async () => {
      const plain = sampleBytes(size)
      const packed = await collect(getCompressor('gz').compress(cut(plain, 100_000)))
      assert.ok(packed.equals(expectedGzip(plain)))
      assert.ok(gunzipSync(packed).equals(plain))
    })
  }

  for (const [program, args] of [
    ['gzip', ['-dc']],
    ['pigz', ['-dc']],
    [
      'python3',
      [
        '-c',
        'import sys,zlib; d=zlib.decompressobj(31); sys.stdout.buffer.write(d.decompress(sys.stdin.buffer.read())); assert d.eof and not d.unused_data',
      ],
    ],
  ] as const) {
    test(`${program} reads it as one member`, { skip: missing(program) }, async () => {
      const plain = sampleBytes(2 * GZIP_BLOCK_BYTES + 77)
      const input = await collect(getCompressor('gz').compress(cut(plain, 65_536)))
      const { status, stdout, stderr } = spawnSync(program, args, { input, maxBuffer: 2 ** 26 })
      assert.equal(status, 0, String(stderr))
      assert.ok(stdout.equals(plain))
    })
  }

  test('is not more than 1 % larger than pigz makes it', { skip: missing('pigz') }, async () => {
    const plain = sampleBytes(GZIP_BLOCK_BYTES + 1000)
    const packed = await collect(getCompressor('gz').compress(cut(plain, 65_536)))
    const reference = spawnSync('pigz', ['-nc'], { input: plain, maxBuffer: 2 ** 26 }).stdout
    assert.ok(packed.length < reference.length * 1.01, `${packed.length} against ${reference.length}`)
  })

  test('pako in the place of zlib gives the same bytes, in threads and without', async () => {
    const plain = sampleBytes(GZIP_BLOCK_BYTES + 5)
    const expected = expectedGzip(plain)
    assert.ok((await collect(compressGzip(cut(plain, 70_000), { workers: 0 }, 'pako'))).equals(expected))
    assert.ok((await collect(compressGzip(cut(plain, 70_000), { workers: 1 }, 'pako'))).equals(expected))
  })
})

describe('getCompressor("zstd")', () => {
  for (const size of [0, 1, 300_000, ZSTD_FRAME_BYTES]) {
    test(`${size} bytes become the bytes they should`, async () => {
      const plain = sampleBytes(size)
      const packed = await collect(getCompressor('zstd').compress(cut(plain, 100_000)))
      assert.ok(packed.equals(expectedZstd(plain)))
    })
  }

  test('zstd reads it, with sizes and checksums', { skip: missing('zstd') }, async () => {
    const plain = sampleBytes(ZSTD_FRAME_BYTES + 99)
    const input = await collect(getCompressor('zstd').compress(cut(plain, 65_536)))
    const { status, stdout, stderr } = spawnSync('zstd', ['-dcq'], { input, maxBuffer: 2 ** 26 })
    assert.equal(status, 0, String(stderr))
    assert.ok(stdout.equals(plain))
    // RFC 8878, 3.1.1.1.1: bit 2 says checksum, bits 7-6 or bit 5 that the content size is there.
    const descriptor = input.readUInt8(4)
    assert.equal(descriptor & 4, 4)
    assert.notEqual(descriptor & 0xe0, 0)
  })
})

describe('compressors', () => {
  test('know their names and extensions', () => {
    const names: readonly CompressorName[] = ['none', 'gz', 'zstd']
    assert.deepEqual(
      names.map((name) => getCompressor(name).name),
      names,
    )
    assert.deepEqual(
      names.map((name) => getCompressor(name).extension),
      ['', '.gz', '.zst'],
    )
  })

  test('"none" changes nothing', async () => {
    const plain = sampleBytes(1000)
    assert.ok((await collect(getCompressor('none').compress(cut(plain, 99)))).equals(plain))
  })

  for (const name of ['gz', 'zstd'] as const) {
    test(`${name}: no byte depends on the number of threads`, async () => {
      const plain = sampleBytes(name === 'gz' ? 6 * GZIP_BLOCK_BYTES + 1 : ZSTD_FRAME_BYTES + 1)
      const digests = new Set<string>()
      for (const workers of name === 'gz' ? [0, 2, 3] : [0, 1]) {
        const hash = createHash('sha256')
        for await (const chunk of getCompressor(name).compress(cut(plain, 77_777), { workers })) hash.update(chunk)
        digests.add(hash.digest('hex'))
      }
      assert.equal(digests.size, 1)
    })

    test(`${name}: a chunk that its owner uses again does no harm`, async () => {
      const plain = sampleBytes(200_000)
      async function* reusing(): AsyncGenerator<Uint8Array> {
        const buffer = new Uint8Array(1000)
        for await (const chunk of cut(plain, buffer.length)) {
          buffer.set(chunk)
          yield buffer
          buffer.fill(0)
        }
      }
      const expected = name === 'gz' ? expectedGzip(plain) : expectedZstd(plain)
      assert.ok((await collect(getCompressor(name).compress(reusing()))).equals(expected))
    })
  }
})
