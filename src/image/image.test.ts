import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  encodeNixJson,
  encodePythonJson,
  goArchitecture,
  mergeEnv,
  parseDigest,
  parseJson,
  parseTimeArgument,
  timestampOfNow,
} from '#image'

test('mergeEnv() keeps the place of the first entry and the value of the last', () => {
  assert.deepEqual(mergeEnv(['PATH=/bin', 'A=1', 'NOEQUALS'], ['A=2', 'B=x=y', 'NOEQUALS=', 'B=z']), [
    'PATH=/bin',
    'A=2',
    'NOEQUALS=',
    'B=z',
  ])
})

test('parseTimeArgument() converts to UTC and cuts fractions off as date(1) does', () => {
  const iso = (text: string): unknown => {
    const time = parseTimeArgument(text, 'created')
    return time === 'now' ? 'now' : [time.isoFormat, time.seconds]
  }
  assert.deepEqual(iso('2001-02-03T04:05:06+05:30'), ['2001-02-02T22:35:06+00:00', 981153306])
  assert.deepEqual(iso('1999-12-31'), ['1999-12-31T00:00:00+00:00', 946598400])
  assert.deepEqual(iso('2020-06-01T00:00:00.789Z'), ['2020-06-01T00:00:00+00:00', 1590969600])
  assert.deepEqual(iso('1969-12-31T23:59:58.5Z'), ['1969-12-31T23:59:58+00:00', -2])
  assert.deepEqual(iso('@1234567890'), ['2009-02-13T23:31:30+00:00', 1234567890])
  assert.equal(iso('now'), 'now')
})

test('parseTimeArgument() refuses what is no time, naming the argument', () => {
  for (const text of ['yesterday', '', '2024-02-30', '12:00', '@', '@99999999999999', 'Now']) {
    assert.throws(() => parseTimeArgument(text, 'mtime'), { code: 'DEFINITION_INVALID', message: /mtime/ }, text)
  }
})

test('timestampOfNow() prints microseconds only where there are some, as Python does', () => {
  assert.equal(timestampOfNow(1_700_000_000_123).isoFormat, '2023-11-14T22:13:20.123000+00:00')
  assert.equal(timestampOfNow(1_700_000_000_000).isoFormat, '2023-11-14T22:13:20+00:00')
})

test('goArchitecture() speaks Go', () => {
  assert.equal(goArchitecture('x64'), 'amd64')
  assert.equal(goArchitecture('ppc64', true), 'ppc64le')
  assert.equal(goArchitecture('arm64'), 'arm64')
  assert.equal(goArchitecture('mipsel'), 'mipsle')
})

test('parseDigest() takes nothing but lower-case sha256', () => {
  const hex = 'a'.repeat(64)
  assert.equal(parseDigest(`sha256:${hex}`), `sha256:${hex}`)
  for (const bad of [
    hex,
    `sha256:${hex.toUpperCase()}`,
    `sha512:${hex}`,
    'sha256:../../x',
    `sha256:${hex}0`,
    `sha256:${hex}\n`,
  ]) {
    assert.throws(() => parseDigest(bad), { code: 'FORMAT_INVALID' })
  }
})

test('parseJson() keeps the order of members, also of those that look like numbers', () => {
  assert.equal(
    encodePythonJson(parseJson('{"b":1,"80":2,"a":3,"b":4}', 'x')),
    '{\n    "b": 4,\n    "80": 2,\n    "a": 3\n}',
  )
})

/** Python reads `-0` as the whole number 0. */
function parseWithoutSignedZero(text: string): unknown {
  return JSON.parse(text, (_name, value: unknown) => (Object.is(value, -0) ? 0 : value))
}

test('parseJson() accepts exactly what JSON.parse accepts', () => {
  const alphabet = fc.constantFrom(...'{}[]",:\\u0019.eE+- \n\ttrfalsn\u0001é')
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string({ unit: alphabet, maxLength: 12 })), (text) => {
      let expected: unknown
      try {
        expected = parseWithoutSignedZero(text)
      } catch {
        assert.throws(() => parseJson(text, 'x'), { code: 'FORMAT_INVALID' })
        return
      }
      assert.deepEqual(parseWithoutSignedZero(encodePythonJson(parseJson(text, 'x'))), expected)
    }),
    { numRuns: 2000 },
  )
})

test('encodeNixJson() sorts members by the bytes of their names at every level', () => {
  const value = parseJson('{"\ud83d\ude00":1,"\uffee":2,"b":{"9":1,"10":2},"a":"\\b/é\u007f"}', 'x')
  assert.equal(encodeNixJson(value), '{"a":"\\u0008/é\u007f","b":{"10":2,"9":1},"\uffee":2,"\ud83d\ude00":1}')
  assert.equal(encodeNixJson(parseJson('["\\b\\f\\n\\u0001"]', 'x')), '["\\u0008\\u000c\\n\\u0001"]')
})

test('parseJson() keeps large whole numbers and refuses bottomless nesting', () => {
  assert.deepEqual(parseJson('{"a":9007199254740993}', 'x'), new Map([['a', 9007199254740993n]]))
  assert.throws(() => parseJson('['.repeat(100_000), 'x'), { code: 'FORMAT_INVALID', message: /nested deeper/ })
  assert.throws(() => parseJson('{', 'manifest of "a.tar"'), { code: 'FORMAT_INVALID', message: /manifest of "a.tar"/ })
})
