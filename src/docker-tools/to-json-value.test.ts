import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JsonFloat } from '#image'
import { toJsonValue } from './to-json-value.ts'

test('values of a definition become JSON: floats apart from whole numbers, large ones exact, undefined left out', () => {
  const value = { a: 1, b: 1.5, c: 1e21, d: 12n, e: [null, true, 'x'], f: undefined, '80': {} }
  assert.deepEqual(
    toJsonValue(value, 'config'),
    new Map<string, unknown>([
      ['80', new Map()],
      ['a', 1],
      ['b', new JsonFloat(1.5)],
      ['c', 1_000_000_000_000_000_000_000n],
      ['d', 12n],
      ['e', [null, true, 'x']],
    ]),
  )
})

test('maps keep their order, which objects with names like numbers do not', () => {
  const map = new Map([
    ['b', 1],
    ['80', 2],
    ['a', 3],
  ])
  assert.deepEqual([...(toJsonValue(map, 'config') as ReadonlyMap<string, unknown>).keys()], ['b', '80', 'a'])
})

test('what JSON has no word for is refused, with its place', () => {
  const endless: unknown[] = []
  endless.push(endless)
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ a: [() => 1] }, /^Cannot use config\.a\[0\]: it is a function/],
    [{ a: Number.NaN }, /config\.a: it is NaN/],
    [{ a: -Infinity }, /config\.a: it is -Infinity/],
    [{ a: Symbol('x') }, /config\.a: it is a symbol/],
    [[undefined], /config\[0\]: it is a undefined/],
    [new Map([[1, 2]]), /named by strings/],
    [endless, /nested too deep, or holds itself/],
  ]
  for (const [value, message] of wrong) {
    assert.throws(() => toJsonValue(value, 'config'), { code: 'DEFINITION_INVALID', message })
  }
})
