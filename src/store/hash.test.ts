import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { formatHash, type HashAlgorithm, type HashFormat, hashesEqual, parseHash } from '#store'
import { failsWith, makeNixSandbox, needs } from './test-support.test.ts'

const ALGORITHMS: readonly HashAlgorithm[] = ['md5', 'sha1', 'sha256', 'sha512']
const FORMATS: readonly HashFormat[] = ['hex', 'nix32', 'base64', 'sri']

for (const algorithm of ALGORITHMS) {
  test(`a ${algorithm} hash reads the same from every form`, () => {
    const hash = { algorithm, bytes: createHash(algorithm).update('abc').digest() }
    for (const format of FORMATS) {
      const text = formatHash(hash, format)
      assert.ok(hashesEqual(parseHash(text, algorithm), hash), text)
      if (format !== 'sri') assert.ok(hashesEqual(parseHash(`${algorithm}:${text}`), hash), text)
    }
    assert.ok(hashesEqual(parseHash(formatHash(hash, 'sri')), hash))
    assert.ok(hashesEqual(parseHash(formatHash(hash, 'hex').toUpperCase(), algorithm), hash))
  })
}

test('hashes read and write as nix hash does', needs('nix'), async () => {
  await using nix = await makeNixSandbox()
  for (const algorithm of ALGORITHMS) {
    const bytes = createHash(algorithm).update('dockertools').digest()
    const hash = { algorithm, bytes }
    const convert = (...args: string[]): string =>
      nix.run('nix', 'hash', ...args, '--type', algorithm, bytes.toString('hex'))
    assert.equal(formatHash(hash, 'nix32'), convert('to-base32'))
    if (algorithm !== 'sha256') continue
    assert.equal(formatHash(hash, 'base64'), convert('to-base64'))
    assert.equal(formatHash(hash, 'sri'), convert('to-sri'))
  }
})

test('what is no hash is refused, with the reason', () => {
  const hex = 'a'.repeat(64)
  assert.throws(() => parseHash(hex), failsWith('FORMAT_INVALID', 'names no algorithm'))
  assert.throws(() => parseHash(`sha256:${hex}`, 'sha512'), failsWith('FORMAT_INVALID', 'should be sha512'))
  assert.throws(() => parseHash(`sha3:${hex}`), failsWith('FORMAT_INVALID', '"sha3"'))
  assert.throws(() => parseHash(`constructor:${hex}`), failsWith('FORMAT_INVALID', '"constructor"'))
  assert.throws(() => parseHash(`sha256:${hex}a`), failsWith('FORMAT_INVALID', '65 characters'))
  assert.throws(() => parseHash(`sha256:${'x'.repeat(64)}`), failsWith('FORMAT_INVALID', 'should be hex'))
  assert.throws(() => parseHash(`sha256:${'e'.repeat(52)}`), failsWith('FORMAT_INVALID', 'alphabet'))
  assert.throws(() => parseHash(`sha256-${'!'.repeat(43)}=`), failsWith('FORMAT_INVALID', 'should be base 64'))
  assert.throws(() => parseHash(`sha256-${'A'.repeat(42)}B=`), failsWith('FORMAT_INVALID', 'should be base 64'))
  assert.throws(() => parseHash(`sha256-${hex}`), failsWith('FORMAT_INVALID', '64 characters'))
  assert.throws(() => parseHash('', 'md5'), failsWith('FORMAT_INVALID', '0 characters'))
})
