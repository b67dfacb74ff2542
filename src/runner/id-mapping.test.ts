import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numbersOfRoot, parseSubordinateRanges } from './id-mapping.ts'

test('root of the machine gives numbers that nobody has', () => {
  const full = '         0          0 4294967295\n'
  assert.deepEqual(numbersOfRoot(full), [{ inside: 0, outside: 2 ** 31, count: 2 ** 31 - 1 }])
})

test('root of a container gives the largest range it has, and the number 0 only where it has no other', () => {
  const map = '         0     100000      65536\n'
  assert.deepEqual(numbersOfRoot(map), [{ inside: 0, outside: 1, count: 65_535 }])
  assert.deepEqual(numbersOfRoot('0 1000 1\n1 100000 500\n501 200000 1000\n'), [
    { inside: 0, outside: 501, count: 1000 },
  ])
  assert.deepEqual(numbersOfRoot('0 1000 1\n'), [{ inside: 0, outside: 0, count: 1 }])
})

test('of /etc/subuid the rows of the user count, by name or number; what is no row does not', () => {
  const text = 'anna:100000:65536\n1001:300000:10\nbert:400000:5\nanna:x:5\n\nanna:500000:0\n'
  assert.deepEqual(parseSubordinateRanges(text, ['anna', '1001']), [
    { start: 100_000, count: 65_536 },
    { start: 300_000, count: 10 },
  ])
  assert.deepEqual(parseSubordinateRanges(text, [undefined, '7']), [])
})
