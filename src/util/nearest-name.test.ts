import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearestName } from '#util'

const known = ['contents', 'config', 'created', 'name', 'fromImage', 'build']

test('a slip finds the name it was meant to be', () => {
  const slips: Readonly<Record<string, string>> = {
    contens: 'contents',
    contentss: 'contents',
    cnotents: 'contents',
    confg: 'config',
    CONFIG: 'config',
    fromimage: 'fromImage',
    from_image: 'fromImage',
    biuld: 'build',
    nmae: 'name',
  }
  for (const [slip, name] of Object.entries(slips)) assert.equal(nearestName(slip, known), name, slip)
})

test('what is like no name finds none', () => {
  for (const name of ['', 'x', 'zzzz', 'copyToRoot', 'n'.repeat(1000)])
    assert.equal(nearestName(name, known), undefined, name)
  assert.equal(nearestName('name', []), undefined)
})

test('of equally near names the first is taken', () => {
  assert.equal(nearestName('cat', ['bat', 'hat']), 'bat')
})
