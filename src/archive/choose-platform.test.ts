import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choosePlatform } from './choose-platform.ts'
import { formatPlatform, hostPlatform, parsePlatform, type Platform, platformMatches } from '#image'

function choose(there: readonly string[], asked?: string): string {
  const platforms = there.map(parsePlatform)
  const wanted = asked === undefined ? undefined : parsePlatform(asked)
  return formatPlatform(choosePlatform(platforms, (platform: Platform) => platform, wanted, 'image "x"'))
}

test('the only image is taken whatever it is for, unless another platform is asked for', () => {
  assert.equal(choose(['linux/s390x']), 'linux/s390x')
  assert.throws(() => choose(['linux/s390x'], 'linux/amd64'), {
    code: 'DEFINITION_INVALID',
    message: 'Cannot use image "x": it has no image for "linux/amd64", it has "linux/s390x"',
  })
})

test('of several images, the one for this machine is taken', () => {
  const host = formatPlatform(hostPlatform())
  assert.equal(choose(['linux/riscv64', host, 'linux/s390x']), host)
  assert.throws(() => choose(['linux/a', 'linux/b']), { code: 'FORMAT_UNSUPPORTED', message: /"linux\/a", "linux\/b"/ })
})

test('a variant counts where it is asked for', () => {
  assert.equal(choose(['linux/arm/v6', 'linux/arm/v7'], 'linux/arm/v7'), 'linux/arm/v7')
  assert.equal(choose(['linux/arm/v6', 'linux/arm/v7'], 'linux/arm'), 'linux/arm/v6')
  assert.ok(!platformMatches(parsePlatform('linux/arm'), parsePlatform('linux/arm/v7')))
})

test('a platform is two or three words', () => {
  for (const text of ['', 'linux', 'linux/', '/amd64', 'linux/arm/v7/x', 'linux/ARM', 'linux/a b']) {
    assert.throws(() => parsePlatform(text), { code: 'DEFINITION_INVALID' }, text)
  }
})
