import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeJshonJson } from './jshon-json.ts'
import { JsonFloat } from './json-value.ts'
import { parseJson } from './parse-json.ts'

test('indents by one space, escapes slashes and keeps the rest', () => {
  const value = parseJson('{"b":["/nix/é",{}],"a":[],"n":null,"t":true,"i":30000000000}', 'a test')
  const expected = '{\n "b": [\n  "\\/nix\\/é",\n  {}\n ],\n "a": [],\n "n": null,\n "t": true,\n "i": 30000000000\n}\n'
  assert.equal(encodeJshonJson(value), expected)
})

test('control characters have upper-case digits', () => {
  assert.equal(encodeJshonJson('\u001f\u007f\n\\u001f'), '"\\u001F\u007f\\n\\\\u001f"\n')
})

// What C's printf("%.17g") gives for these.
for (const [value, text] of [
  [0.1, '0.10000000000000001'],
  [1, '1.0'],
  [1.5, '1.5'],
  [1e300, '1.0000000000000001e300'],
  [2.5e-7, '2.4999999999999999e-7'],
] as const) {
  test(`a float ${value} has 17 digits`, () => {
    assert.equal(encodeJshonJson(new JsonFloat(value)), `${text}\n`)
  })
}

test('what is written reads back as the same', () => {
  const text = '{"a":{"b":[1,2.5,"x/y",null]}}'
  assert.deepEqual(JSON.parse(encodeJshonJson(parseJson(text, 'a test'))), JSON.parse(text))
})
