import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatHash } from './hash.ts'
import { NarMeter } from './nar-meter.ts'

const DIGITS = '0123456789abcdfghijklmnpqrsvwxyz'

test('hash parts are found wherever the bytes are cut, and the hash does not depend on it', () => {
  const hashPart = fc.string({ unit: fc.constantFrom(...DIGITS), minLength: 32, maxLength: 32 })
  const piece = fc.oneof(fc.string({ maxLength: 50 }), fc.string({ unit: fc.constantFrom(...DIGITS), maxLength: 40 }))
  fc.assert(
    fc.property(
      fc.array(hashPart, { minLength: 1, maxLength: 4 }),
      fc.array(piece, { maxLength: 6 }),
      fc.array(fc.nat(70)),
      (known, pieces, cuts) => {
        const bytes = Buffer.from(pieces.map((text, index) => text + (known[index] ?? '')).join(''))
        const meter = new NarMeter(new Set(known))
        let at = 0
        for (const size of [...cuts, bytes.length]) {
          // As with files, the buffer is filled anew once it has been taken.
          const buffer = Buffer.from(bytes.subarray(at, at + size))
          meter.add(buffer)
          buffer.fill(0)
          at += size
        }
        const { narHash, narSize, hashParts } = meter.finish()
        assert.equal(narSize, bytes.length)
        assert.equal(formatHash(narHash, 'hex'), createHash('sha256').update(bytes).digest('hex'))
        assert.deepEqual(hashParts, new Set(known.filter((part) => bytes.includes(part))))
      },
    ),
  )
})
