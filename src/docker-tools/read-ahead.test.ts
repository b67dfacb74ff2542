import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readAhead } from './read-ahead.ts'

const BYTES = Buffer.from(Array.from({ length: 2_000_000 }, (_, index) => (index * 31 + (index >> 8)) % 251))

function counted(): { readonly calls: () => number; readNow(target: Uint8Array, offset: number): number } {
  let calls = 0
  return {
    calls: () => calls,
    readNow: (target, offset) => {
      calls++
      const bytes = BYTES.subarray(offset, offset + target.length)
      target.set(bytes)
      return bytes.length
    },
  }
}

test('what is read ahead is what stands there, whatever the order', () => {
  const place = fc.oneof(fc.nat(BYTES.length + 10), fc.constant('next' as const))
  const length = fc.oneof(fc.nat(3000), fc.integer({ min: 200_000, max: 600_000 }))
  fc.assert(
    fc.property(fc.array(fc.record({ place, length }), { maxLength: 30 }), (reads) => {
      const source = readAhead(counted())
      let end = 0
      for (const read of reads) {
        const offset = read.place === 'next' ? end + 512 : read.place
        const target = Buffer.alloc(read.length)
        const got = source.readNow(target, offset)
        assert.ok(got > 0 || read.length === 0 || offset >= BYTES.length)
        assert.ok(target.subarray(0, got).equals(BYTES.subarray(offset, offset + got)))
        end = offset + read.length
      }
    }),
    { numRuns: 200 },
  )
})

test('small files one behind the other take few reads', () => {
  const source = counted()
  const ahead = readAhead(source)
  for (let offset = 512; offset < 1_500_000; offset += 2048) ahead.readNow(Buffer.alloc(1000), offset)
  assert.ok(source.calls() <= 4, `${source.calls()} reads`)
})

test('two who read in different places do not take each other’s bytes away', () => {
  const source = counted()
  const ahead = readAhead(source)
  for (let offset = 512; offset < 900_000; offset += 2048) {
    for (const start of [0, 1_000_000]) {
      const target = Buffer.alloc(1000)
      assert.equal(ahead.readNow(target, start + offset), 1000)
      assert.ok(target.equals(BYTES.subarray(start + offset, start + offset + 1000)))
    }
  }
  assert.ok(source.calls() <= 8, `${source.calls()} reads`)
})
