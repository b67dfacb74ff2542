import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type ByteString, toByteString } from '#util'
import { encodeHeader, encodeHeaderInto } from './encode-header.ts'
import { endOfArchive, paddingLength, TAR_RECORD_BYTES } from './tar-format.ts'
import type { TarDialect, TarHeader } from './tar-header.ts'
import { headers, wholeSeconds } from './header-arbitraries.test.ts'
import { assertSameBytes, fileHeader } from './test-support.test.ts'

const dialects: readonly TarDialect[] = ['pax', 'gnu', 'gnu-numeric']

test('encodeHeaderInto() writes what encodeHeader() gives, wherever it is put, and nothing else', () => {
  fc.assert(
    fc.property(
      headers(wholeSeconds),
      fc.constantFrom(...dialects),
      fc.nat({ max: 700 }),
      (header, dialect, offset) => {
        const expected = encodeHeader(header, dialect)
        // Shared memory, because that is what workers are given, and what some functions refuse.
        const target = new Uint8Array(new SharedArrayBuffer(offset + expected.length + 9)).fill(0xaa)
        const end = encodeHeaderInto(header, dialect, target, offset)
        assert.equal(end, offset + expected.length)
        assertSameBytes(target.slice(offset, end), expected, JSON.stringify(header))
        assert.ok(target.subarray(0, offset).every((byte) => byte === 0xaa))
        assert.ok(target.subarray(end).every((byte) => byte === 0xaa))
      },
    ),
    { numRuns: 500 },
  )
})

test('encodeHeaderInto() leaves the target alone where the header does not fit', () => {
  fc.assert(
    fc.property(
      headers(wholeSeconds),
      fc.constantFrom(...dialects),
      fc.nat({ max: 100 }),
      (header, dialect, offset) => {
        const target = new Uint8Array(offset + encodeHeader(header, dialect).length - 1).fill(0xaa)
        assert.equal(encodeHeaderInto(header, dialect, target, offset), -1)
        assert.ok(target.every((byte) => byte === 0xaa))
      },
    ),
  )
})

test('encodeHeader() gives a directory one slash, whether it has it or not', () => {
  for (const [path, stored] of [
    ['.', './'],
    ['/nix', '/nix/'],
    ['/nix/', '/nix/'],
    ['/', '/'],
  ] as const) {
    const header = { ...fileHeader({ path: toByteString(path) }), type: 'directory' } as const
    for (const dialect of dialects) {
      const block = Buffer.from(encodeHeader(header, dialect))
      assert.equal(block.toString('latin1', 0, stored.length + 1), `${stored}\0`)
    }
  }
})

test("encodeHeader() puts '?' for each character of a name in the main header", () => {
  // One for the letter of two bytes, one for the emoji of four, one for each byte that is no UTF-8.
  const path = `a${toByteString('é😀')}\xff\xfe` as ByteString
  const bytes = Buffer.from(encodeHeader(fileHeader({ path }), 'pax'))
  assert.equal(bytes.length, 3 * 512)
  assert.equal(bytes.toString('latin1', 1024, 1030), 'a????\0')
  assert.equal(bytes.toString('latin1', 512, 512 + 21), '21 hdrcharset=BINARY\n')
})

test('encodeHeader() counts the characters of a name, not its bytes', () => {
  const path = toByteString('é'.repeat(60))
  // Not longer than 100 characters, but a record is needed since it is not ASCII; the GNU dialect counts bytes.
  assert.equal(encodeHeader(fileHeader({ path }), 'pax').length, 3 * 512)
  assert.equal(encodeHeader(fileHeader({ path }), 'gnu').length, 3 * 512)
  assert.equal(encodeHeader(fileHeader({ path: toByteString('é'.repeat(50)) }), 'gnu').length, 512)
})

const records = new Map([['comment', toByteString('x')]])

const REFUSED: readonly (readonly [
  string,
  Partial<TarHeader & { readonly size: number }>,
  readonly TarDialect[],
  string,
  RegExp,
])[] = [
  ['an empty name', { path: toByteString('') }, dialects, 'PATH_UNSAFE', /its name is empty/],
  ['a NUL in the name', { path: toByteString('a\0b') }, dialects, 'PATH_UNSAFE', /a NUL byte/],
  ['a NUL in the owner', { uname: toByteString('a\0') }, ['pax', 'gnu'], 'PATH_UNSAFE', /a NUL byte/],
  ['a mode with the file type', { mode: 0o100644 }, dialects, 'FORMAT_UNSUPPORTED', /its mode is 33188/],
  ['half a user', { uid: 0.5 }, dialects, 'FORMAT_UNSUPPORTED', /its user number is 0.5/],
  ['a group that is no number', { gid: Number.NaN }, dialects, 'FORMAT_UNSUPPORTED', /its group number is NaN/],
  ['an endless time', { mtimeSeconds: Infinity }, dialects, 'FORMAT_UNSUPPORTED', /its time is Infinity/],
  ['a time with a fraction', { mtimeSeconds: 1.5 }, ['gnu', 'gnu-numeric'], 'FORMAT_UNSUPPORTED', /its time is 1.5/],
  ['extended records', { paxRecords: records }, ['gnu', 'gnu-numeric'], 'FORMAT_UNSUPPORTED', /extended records/],
  ['a negative size', { size: -1 }, dialects, 'FORMAT_UNSUPPORTED', /its size is -1/],
]

for (const [name, more, refusing, code, message] of REFUSED) {
  test(`encodeHeader() refuses ${name}`, () => {
    for (const dialect of refusing) {
      const header = fileHeader(more)
      assert.throws(() => encodeHeader(header, dialect), { code, message })
      assert.throws(() => encodeHeaderInto(header, dialect, new Uint8Array(5000), 0), { code, message })
    }
  })
}

test('encodeHeader() refuses a device number that the pax dialect cannot say', () => {
  const device = { ...fileHeader(), type: 'char', major: 0o10000000, minor: 0 } as const
  assert.throws(() => encodeHeader(device, 'pax'), {
    code: 'FORMAT_UNSUPPORTED',
    message: /its device number is 2097152/,
  })
  assert.equal(encodeHeader(device, 'gnu')[329], 0x80)
})

test('endOfArchive() fills the record, with two blocks of zeros at least', () => {
  for (const [before, expected] of [
    [0, 10240],
    [512, 9728],
    [9216, 1024],
    [9728, 10752],
    [10240, 10240],
    [2 ** 40, 10240 - (2 ** 40 % 10240)],
  ] as const) {
    const bytes = endOfArchive(before)
    assert.equal(bytes.length, expected)
    assert.equal((before + bytes.length) % TAR_RECORD_BYTES, 0)
    assert.ok(bytes.every((byte) => byte === 0))
  }
})

test('paddingLength() fills the block, also beyond 32 bits', () => {
  const cases = [0, 1, 511, 512, 513, 2 ** 32 + 1, 2 ** 40].map(paddingLength)
  assert.deepEqual(cases, [0, 511, 1, 0, 511, 511, 0])
})
