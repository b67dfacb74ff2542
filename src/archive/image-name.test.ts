import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  familiarName,
  formatImageName,
  fullName,
  imageNameMatches,
  parseImageName,
  parseRefName,
} from './image-name.ts'

test('the port of a registry is no tag', () => {
  assert.deepEqual(parseImageName('localhost:5000/a/b'), { name: 'localhost:5000/a/b', tag: undefined })
  assert.deepEqual(parseImageName('localhost:5000/a/b:v1'), { name: 'localhost:5000/a/b', tag: 'v1' })
  assert.equal(formatImageName(parseImageName('a:b')), 'a:b')
})

test('a reference of a layout is a tag, unless it has a name in it', () => {
  assert.deepEqual(parseRefName('v1'), { name: undefined, tag: 'v1' })
  assert.deepEqual(parseRefName('docker.io/library/a:v1'), { name: 'docker.io/library/a', tag: 'v1' })
})

test('full names are those that containerd gives, and familiar ones those that Docker shows', () => {
  const pairs = [
    ['hello', 'docker.io/library/hello'],
    ['me/hello', 'docker.io/me/hello'],
    ['quay.io/me/hello', 'quay.io/me/hello'],
    ['localhost/hello', 'localhost/hello'],
    ['registry:5000/hello', 'registry:5000/hello'],
  ] as const
  for (const [familiar, full] of pairs) {
    assert.equal(fullName(familiar), full)
    assert.equal(familiarName(full), familiar)
  }
})

test('only what is asked for counts', () => {
  const there = parseImageName('docker.io/library/a:v1')
  assert.ok(imageNameMatches(there, 'a', 'v1'))
  assert.ok(imageNameMatches(there, 'a', undefined))
  assert.ok(imageNameMatches(there, undefined, 'v1'))
  assert.ok(!imageNameMatches(there, 'a', 'v10'))
  assert.ok(!imageNameMatches(there, 'ab', 'v1'))
  assert.ok(imageNameMatches({ name: undefined, tag: 'v1' }, 'a', 'v1'))
  assert.ok(!imageNameMatches({ name: undefined, tag: 'v1' }, 'a', undefined))
})
