import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createCipheriv } from 'node:crypto'
import { describe, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { array, assert as checkProperty, asyncProperty, nat } from 'fast-check'
import { type Compression, decompress } from './index.ts'

const KINDS = ['gz', 'zstd', 'xz'] as const
/** Text that compresses, but not to nothing. */
const PLAIN = Buffer.from(Array.from({ length: 400 }, (_, n) => `line ${n} ${n * n} ${(n * 48271) % 9973}\n`).join(''))

const PROGRAMS = { gz: ['gzip', '-c'], zstd: ['zstd', '-cq'], xz: ['xz', '-c'], bzip2: ['bzip2', '-c'] } as const

function missing(kind: keyof typeof PROGRAMS): string | false {
  return spawnSync(PROGRAMS[kind][0], ['--version'], { input: '' }).error === undefined
    ? false
    : `${PROGRAMS[kind][0]} not there`
}

function pack(kind: keyof typeof PROGRAMS, plain: Uint8Array | string, ...args: string[]): Buffer {
  const [program, ...always] = PROGRAMS[kind]
  const { status, stdout, stderr } = spawnSync(program, [...always, ...args], { input: plain, maxBuffer: 2 ** 28 })
  assert.equal(status, 0, String(stderr))
  return stdout
}

async function* cut(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let start = 0, index = 0; start < bytes.length; index++) {
    const length = lengths[index % lengths.length]!
    yield bytes.subarray(start, start + length)
    start += length
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks))
}

async function outcome(
  kind: Compression | 'auto',
  bytes: Uint8Array,
  lengths: readonly number[] = [1000],
): Promise<string> {
  try {
    const plain = await collect(decompress(kind, cut(bytes, lengths)))
    return plain.equals(PLAIN) ? 'same' : 'other'
  } catch (error) {
    return String((error as { code?: unknown }).code)
  }
}

describe('decompress()', () => {
  for (const kind of KINDS) {
    describe(kind, { skip: missing(kind) }, () => {
      test('reads what the program writes, whatever the chunks', async () => {
        const sizes = { minLength: 1, maxLength: 8 }
        const lengths = array(nat({ max: 1000 }), sizes).filter((all) => all.some((length) => length > 0))
        const packed = pack(kind, PLAIN)
        await checkProperty(
          asyncProperty(lengths, async (all) => {
            assert.equal(await outcome(kind, packed, all), 'same')
            assert.equal(await outcome('auto', packed, all), 'same')
          }),
          { numRuns: kind === 'xz' ? 2 : 15 },
        )
        assert.equal(await outcome('auto', packed, [1]), 'same')
      })

      test('reads an empty stream and a long one', async () => {
        assert.equal((await collect(decompress('auto', cut(pack(kind, ''), [3])))).length, 0)
        const long = Buffer.alloc(5_000_000, PLAIN)
        assert.ok((await collect(decompress('auto', cut(pack(kind, long, '-1'), [65_536])))).equals(long))
      })

      test('reads several streams in a row as one', async () => {
        const parts = [PLAIN.subarray(0, 100), PLAIN.subarray(100, 100), PLAIN.subarray(100)]
        const packed = Buffer.concat(parts.map((part) => pack(kind, part)))
        for (const lengths of [[1], [1_000_000]]) assert.equal(await outcome('auto', packed, lengths), 'same')
      })

      test('is truncated wherever it is cut', async () => {
        const packed = pack(kind, PLAIN.subarray(0, 2000))
        const step = kind === 'xz' ? 211 : 7
        for (let length = 0; length < packed.length; length += step) {
          assert.equal(await outcome(kind, packed.subarray(0, length)), 'TRUNCATED', `after ${length} bytes`)
        }
        assert.equal(await outcome(kind, packed.subarray(0, -1)), 'TRUNCATED')
      })

      test('does not take bytes after its end for data', async () => {
        const garbage = Buffer.from('garbage that is long enough to be seen as such')
        const packed = Buffer.concat([pack(kind, PLAIN), garbage])
        for (const lengths of [[1_000_000], [packed.length - garbage.length, 1]]) {
          assert.equal(await outcome(kind, packed, lengths), 'FORMAT_INVALID')
        }
      })

      test('something else under its name is an error', async () => {
        assert.equal(await outcome(kind, PLAIN), 'FORMAT_INVALID')
      })

      test('a flipped bit is an error, or changes nothing', async () => {
        const packed = pack(kind, PLAIN)
        const outcomes = new Set<string>()
        const step = Math.ceil(packed.length / (kind === 'xz' ? 8 : 150))
        for (let index = 0; index < packed.length; index += step) {
          const broken = Buffer.from(packed)
          broken[index]! ^= 1 << (index % 8)
          outcomes.add(await outcome(kind, broken))
        }
        assert.ok(!outcomes.has('other'), [...outcomes].join())
        const allowed = ['same', 'FORMAT_INVALID', 'TRUNCATED', 'FORMAT_UNSUPPORTED', 'LIMIT_EXCEEDED']
        for (const one of outcomes) assert.ok(allowed.includes(one), one)
        assert.ok(outcomes.has('FORMAT_INVALID'))
      })

      test('stops at maxBytes and names it', async () => {
        const packed = pack(kind, PLAIN)
        const exact = await collect(decompress(kind, cut(packed, [1000]), { maxBytes: PLAIN.length }))
        assert.ok(exact.equals(PLAIN))
        await assert.rejects(collect(decompress(kind, cut(packed, [1000]), { maxBytes: PLAIN.length - 1 })), {
          code: 'LIMIT_EXCEEDED',
          message: `Cannot decompress stream: it holds more than ${PLAIN.length - 1} bytes, the limit "maxBytes"`,
        })
      })

      test('stops a bomb early', async () => {
        const bomb = pack(kind, Buffer.alloc(8_000_000))
        let seen = 0
        async function read(): Promise<void> {
          const limits = { maxRatio: 20, ratioFromBytes: 500_000 }
          for await (const chunk of decompress(kind, cut(bomb, [100]), limits)) seen += chunk.length
        }
        await assert.rejects(read(), { code: 'LIMIT_EXCEEDED', message: /"maxRatio" is 20 to 1/ })
        assert.ok(seen < 6_000_000, String(seen))
      })

      test('gives the source back when the reader stops, and does not read it to the end', async () => {
        const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(1_000_000))
        const packed = pack(kind, noise, '-1')
        let state = 'open'
        async function* source(): AsyncGenerator<Uint8Array> {
          try {
            yield* cut(packed, [1000])
            state = 'read'
          } finally {
            if (state === 'open') state = 'closed'
          }
        }
        for await (const _ of decompress(kind, source())) break
        assert.equal(state, 'closed')
      })

      test('passes an error of the source on as it is', async () => {
        const error = new Error('the network is gone')
        async function* source(): AsyncGenerator<Uint8Array> {
          yield pack(kind, PLAIN).subarray(0, 500)
          throw error
        }
        await assert.rejects(collect(decompress(kind, source())), (thrown) => thrown === error)
      })
    })
  }

  test('passes plain bytes on as they are', async () => {
    assert.equal(await outcome('auto', PLAIN), 'same')
    assert.equal(await outcome('none', PLAIN), 'same')
    const packed = gzipSync('x')
    assert.ok((await collect(decompress('none', cut(packed, [5])))).equals(packed))
    assert.equal((await collect(decompress('auto', cut(PLAIN.subarray(0, 0), [1])))).length, 0)
    await assert.rejects(collect(decompress('none', cut(PLAIN, [1000]), { maxBytes: 10 })), { code: 'LIMIT_EXCEEDED' })
  })

  test('refuses bzip2 by name', { skip: missing('bzip2') }, async () => {
    await assert.rejects(collect(decompress('auto', cut(pack('bzip2', PLAIN), [1]))), {
      code: 'FORMAT_UNSUPPORTED',
      message: 'Cannot decompress stream: it is compressed with bzip2, it should be gzip, zstd, xz or plain',
    })
  })

  test('closes a source that it refuses', async () => {
    let isClosed = false
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield Buffer.from('BZh91AY&SY..')
      } finally {
        isClosed = true
      }
    }
    await assert.rejects(collect(decompress('auto', source())))
    assert.equal(isClosed, true)
  })

  test('keeps errors readable', async () => {
    await assert.rejects(collect(decompress('gz', cut(gzipSync(PLAIN).subarray(0, 100), [10]))), {
      message: 'Cannot decompress gzip stream: it ends before it is complete',
    })
    await assert.rejects(collect(decompress('zstd', cut(zstdCompressSync(PLAIN).subarray(0, 100), [10]))), {
      message: 'Cannot decompress zstd stream: it ends before it is complete',
    })
  })
})
