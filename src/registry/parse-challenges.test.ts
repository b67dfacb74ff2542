import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseChallenges } from './parse-challenges.ts'

function plain(header: string | undefined): unknown {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])
}

test('parseChallenges() reads what registries send', () => {
  assert.deepEqual(plain('Basic realm="Registry Realm"'), [['basic', { realm: 'Registry Realm' }]])
  assert.deepEqual(
    plain('Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"'),
    [
      [
        'bearer',
        { realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:a/b:pull,push' },
      ],
    ],
  )
})

test('parseChallenges() reads several, joined or not, and escapes', () => {
  assert.deepEqual(plain('Negotiate, Basic realm="a \\"b\\", c", charset=UTF-8 , BEARER Realm=x,realm="y"'), [
    ['negotiate', {}],
    ['basic', { realm: 'a "b", c', charset: 'UTF-8' }],
    ['bearer', { realm: 'x' }],
  ])
  assert.deepEqual(plain('Negotiate abc==, Basic realm=z'), [
    ['negotiate', {}],
    ['basic', { realm: 'z' }],
  ])
})

test('parseChallenges() takes nothing from nonsense', () => {
  assert.deepEqual(plain(undefined), [])
  assert.deepEqual(plain(''), [])
  assert.deepEqual(plain('="x"'), [])
  assert.deepEqual(plain('Bearer realm="never closed'), [['bearer', {}]])
})

test('parseChallenges() ends for any text', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'Ba ,="\\=\t~') }), (text) => Array.isArray(plain(text))))
})
