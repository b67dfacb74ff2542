import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { assert as checkProperty, asyncProperty, constantFrom, nat, record, tuple } from 'fast-check'
import { decompress } from './decompress.ts'

async function* cut(bytes: Uint8Array, firstLength: number, length: number): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, firstLength)
  for (let start = firstLength; start < bytes.length; start += length) yield bytes.subarray(start, start + length)
}

async function gunzipText(bytes: Uint8Array, firstLength = 0, length = 1000): Promise<string> {
  return Buffer.concat(await Array.fromAsync(decompress('gz', cut(bytes, firstLength, length)))).toString()
}

describe('gunzip()', () => {
  const member = gzipSync('hello')

  test('accepts zero bytes after the last member and nothing else, however it is cut', async () => {
    const cases = record({
      members: nat({ max: 3 }).map((count) => count + 1),
      zeros: nat({ max: 40 }),
      garbage: constantFrom('', 'xy', '\x1f\x8b'),
      cuts: tuple(nat({ max: 60 }), nat({ max: 30 })),
    })
    await checkProperty(
      asyncProperty(cases, async ({ members, zeros, garbage, cuts: [first, length] }) => {
        const bytes = Buffer.concat([
          ...Array.from({ length: members }, () => member),
          Buffer.alloc(zeros),
          Buffer.from(garbage, 'latin1'),
        ])
        const read = gunzipText(bytes, first, length + 1)
        if (garbage === '') assert.equal(await read, 'hello'.repeat(members))
        else await assert.rejects(read, { code: zeros === 0 && garbage !== 'xy' ? 'TRUNCATED' : 'FORMAT_INVALID' })
      }),
      { numRuns: 150 },
    )
  })

  test('a second member behind zero bytes is not left out in silence', async () => {
    const bytes = Buffer.concat([member, Buffer.alloc(512), member])
    for (const first of [0, 5, member.length, member.length + 512]) {
      await assert.rejects(gunzipText(bytes, first), { code: 'FORMAT_INVALID', message: /follow its last member/ })
    }
  })

  test('reads past the optional fields of a header', async () => {
    // RFC 1952: FEXTRA, FNAME, FCOMMENT; no FHCRC.
    const header = Buffer.concat([
      Buffer.from([0x1f, 0x8b, 8, 0x1c, 1, 2, 3, 4, 0, 3]),
      Buffer.from([4, 0, 0x61, 0x62, 0, 0]),
      Buffer.from('name\0comment\0'),
    ])
    assert.equal(await gunzipText(Buffer.concat([header, member.subarray(10)])), 'hello')
  })

  test('a wrong checksum and a wrong size are errors', async () => {
    for (const index of [-8, -1]) {
      const broken = Buffer.from(member)
      broken[member.length + index]! ^= 1
      await assert.rejects(gunzipText(broken), { code: 'FORMAT_INVALID', message: /incorrect (data|length) check/ })
    }
  })
})
