import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { decodeNix32, encodeNix32 } from '#store'
import { failsWith } from './test-support.test.ts'

/** The bytes as one number, last byte first, in base 32. */
function encodeAsNumber(bytes: Uint8Array): string {
  let value = bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n)
  let text = ''
  for (let index = 0; index < Math.ceil((bytes.length * 8) / 5); index++) {
    text = '0123456789abcdfghijklmnpqrsvwxyz'[Number(value % 32n)]! + text
    value /= 32n
  }
  return text
}

test("base 32 is that of Nix's own documentation", () => {
  const bytes = createHash('sha256').update('abc').digest()
  assert.equal(encodeNix32(bytes), '1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s')
})

test('base 32 is the number in base 32, and goes back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      const text = encodeNix32(bytes)
      assert.equal(text, encodeAsNumber(bytes))
      assert.deepEqual(decodeNix32(text), bytes)
    }),
  )
})

test('base 32 with foreign characters, surplus bits or an impossible length is refused', () => {
  for (const text of ['e0', '0E', 'ž0', '0'.repeat(31) + ' ', '0-', '\u01230']) {
    assert.throws(() => decodeNix32(text), failsWith('FORMAT_INVALID', 'none of the alphabet'), text)
  }
  assert.throws(() => decodeNix32('zz'), failsWith('FORMAT_INVALID', 'more bits'))
  assert.throws(() => decodeNix32('000'), failsWith('FORMAT_INVALID', 'no number of bytes'))
})
