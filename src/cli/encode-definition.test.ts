import assert from 'node:assert/strict'
import { test } from 'node:test'
import { streamLayeredImage } from '#docker-tools'
import { JsonFloat, parseJson } from '#image'
import { encodeDefinition } from './encode-definition.ts'

test('every JSON text reads back as it was, numbers and order included', () => {
  for (const text of [
    '{"b":1.0,"80":12345678901234567890,"a":[1e3,-0.0,0.1,1e-7,1e300,null,true,"\\u0000\\ud83d\\ude00\\"\\\\"],"c":{}}',
    '[[],{},[{}]]',
    '"text"',
  ]) {
    const value = parseJson(text, 'text')
    assert.deepEqual(parseJson(encodeDefinition(value), 'text'), value, text)
  }
})

test('values of a module are written as JSON', () => {
  assert.equal(
    encodeDefinition({ a: 1, b: 1.5, c: undefined, d: 10n, e: 1e21 }),
    '{"a":1,"b":1.5,"d":10,"e":1000000000000000000000}',
  )
  assert.equal(encodeDefinition(new JsonFloat(2)), '2.0')
})

test('what JSON has no word for is refused', () => {
  for (const value of [() => 1, [undefined], { a: Symbol('x') }, streamLayeredImage({ name: 'x' })]) {
    assert.throws(() => encodeDefinition(value), { code: 'DEFINITION_INVALID' })
  }
})
