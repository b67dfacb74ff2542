import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { makeTempDir } from '#util'
import { decompress } from './decompress.ts'

const skip = spawnSync('zstd', ['--version']).error === undefined ? false : 'zstd not there'
const TEXT = Array.from({ length: 4000 }, (_, n) => `${n} ${n * n}\n`).join('')

function zstd(input: string | Uint8Array, ...args: string[]): Buffer {
  const { status, stdout, stderr } = spawnSync('zstd', ['-cq', ...args], { input, maxBuffer: 2 ** 28 })
  assert.equal(status, 0, String(stderr))
  return stdout
}

function skippable(content: string, nibble = 0): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt32LE(0x184d2a50 + nibble, 0)
  header.writeUInt32LE(content.length, 4)
  return Buffer.concat([header, Buffer.from(content)])
}

async function* cut(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length)
}

async function unzstdText(bytes: Uint8Array, length = 777, limits = {}): Promise<string> {
  return Buffer.concat(await Array.fromAsync(decompress('zstd', cut(bytes, length), limits))).toString()
}

describe('unzstd()', () => {
  test('reads skippable frames before, between, after and alone', async () => {
    const frame = zstdCompressSync('hello ')
    const bytes = Buffer.concat([
      skippable('a'),
      frame,
      skippable('', 7),
      skippable('bc', 15),
      frame,
      skippable('d'.repeat(99)),
    ])
    for (const length of [1, 2, 13, 1000]) assert.equal(await unzstdText(bytes, length), 'hello hello ')
    assert.equal(await unzstdText(skippable('only this')), '')
    await assert.rejects(unzstdText(skippable('cut').subarray(0, -1)), { code: 'TRUNCATED' })
  })

  test('reads all levels, without checksum, without content size, of one byte repeated', { skip }, async () => {
    for (const args of [['--no-check'], ['--fast=5'], ['--long=27']]) {
      for (const length of [50, 100_000]) assert.equal(await unzstdText(zstd(TEXT, ...args), length), TEXT, args.join())
    }
    const zeros = '0'.repeat(3_000_000)
    assert.equal(await unzstdText(zstd(zeros)), zeros)
  })

  test('reads a thousand small frames', async () => {
    const frames = Array.from({ length: 1000 }, (_, n) => zstdCompressSync(`${n},`, { pledgedSrcSize: `${n},`.length }))
    const expected = Array.from({ length: 1000 }, (_, n) => `${n},`).join('')
    assert.equal(await unzstdText(Buffer.concat(frames), 10_000), expected)
  })

  test('a window over the limit is refused before any memory is taken', { skip }, async () => {
    // A stream of unknown length, so that the window is not cut to its size.
    const huge = zstd(TEXT, '--long=31')
    await assert.rejects(unzstdText(huge), {
      code: 'LIMIT_EXCEEDED',
      message:
        'Cannot decompress zstd stream: a frame needs a window of 2147483648 bytes, the limit "maxWindowBytes" is 134217728',
    })
    const larger = zstd(TEXT, '--long=28')
    await assert.rejects(unzstdText(larger), { code: 'LIMIT_EXCEEDED' })
    assert.equal(await unzstdText(larger, 777, { maxWindowBytes: 2 ** 28 }), TEXT)
    await assert.rejects(unzstdText(zstd(TEXT), 777, { maxWindowBytes: 1024 }), { code: 'LIMIT_EXCEEDED' })
  })

  test('a frame that needs a dictionary is refused', { skip }, async () => {
    await using dir = await makeTempDir('dictionary-')
    const samples = Array.from({ length: 200 }, (_, n) => {
      const path = join(dir.path, `${n}`)
      writeFileSync(path, TEXT.slice(n * 100, n * 100 + 1000))
      return path
    })
    const dictionary = join(dir.path, 'dictionary')
    assert.equal(spawnSync('zstd', ['-q', '--train', ...samples, '-o', dictionary, '--maxdict=2000']).status, 0)
    await assert.rejects(unzstdText(zstd(TEXT, '-D', dictionary)), {
      code: 'FORMAT_UNSUPPORTED',
      message: /dictionary/,
    })
  })

  test('hostile headers are errors', async () => {
    const magic = '28b52ffd'
    const cases: [hex: string, code: string][] = [
      [`${magic}0800010000`, 'FORMAT_UNSUPPORTED'], // reserved bit
      [`${magic}0000070000`, 'FORMAT_INVALID'], // block of the reserved type
      [`${magic}0000fdffff`, 'FORMAT_INVALID'], // raw block of 2 MiB
      [`${magic}00ff010000`, 'LIMIT_EXCEEDED'], // window of 3.75 TiB
      [`${magic}e0ffffffffffffffff010000`, 'LIMIT_EXCEEDED'], // content of 2^64 - 1 bytes in one segment
      [`${magic}20050100002a`, 'FORMAT_INVALID'], // content of 5 bytes announced, none there
      ['27b52ffd00000000', 'FORMAT_INVALID'], // zstd 0.7
      [magic, 'TRUNCATED'],
      [`${magic}0000`, 'TRUNCATED'],
    ]
    for (const [hex, code] of cases) {
      for (const length of [1, 100]) await assert.rejects(unzstdText(Buffer.from(hex, 'hex'), length), { code }, hex)
    }
  })
})
