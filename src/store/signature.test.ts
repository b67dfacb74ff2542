import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { fingerprint, parseHash, type PathInfo, TrustedKeys, verifySignature } from '#store'
import { failsWith, testPath } from './test-support.test.ts'

const HASH = '1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s'
const INFO: PathInfo = {
  path: testPath('a'),
  narHash: parseHash(`sha256:${HASH}`),
  narSize: 34,
  references: [testPath('a'), testPath('b')],
  signatures: [],
}

function makeKey(name: string): { publicKey: string; sign(text: string): string } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url').toString('base64')
  return {
    publicKey: `${name}:${raw}`,
    sign: (text) => `${name}:${sign(null, Buffer.from(text), privateKey).toString('base64')}`,
  }
}

test('what is signed is path, NAR hash, NAR size and references', () => {
  const expected = `1;${testPath('a')};sha256:${HASH};34;${testPath('a')},${testPath('b')}`
  assert.equal(fingerprint(INFO), expected)
  assert.equal(fingerprint({ ...INFO, references: [] }), `1;${testPath('a')};sha256:${HASH};34;`)
})

test('a signature holds for its facts and its key only', () => {
  const key = makeKey('k')
  const signature = key.sign(fingerprint(INFO))
  assert.equal(verifySignature(INFO, signature, key.publicKey), true)
  const changed: readonly Partial<PathInfo>[] = [
    { path: testPath('a', 'b') },
    { narSize: 35 },
    { references: [] },
    { narHash: { algorithm: 'sha256', bytes: new Uint8Array(32) } },
  ]
  for (const change of changed) assert.equal(verifySignature({ ...INFO, ...change }, signature, key.publicKey), false)
  // Nobody signs who built it: it can be anything, and nothing may rest on it.
  assert.equal(verifySignature({ ...INFO, deriver: testPath('d', 'lie.drv') }, signature, key.publicKey), true)
  assert.equal(verifySignature(INFO, signature, makeKey('k').publicKey), false)
  assert.equal(verifySignature(INFO, signature, makeKey('l').publicKey), false)
})

test('one signature that holds is enough', () => {
  const [key, other] = [makeKey('k'), makeKey('o')]
  const keys = new TrustedKeys([key.publicKey])
  const signatures = [other.sign(fingerprint(INFO)), 'broken', 'k:AAAA', key.sign(fingerprint(INFO))]
  assert.equal(keys.verifyPath({ ...INFO, signatures }), true)
  assert.equal(keys.verifyPath({ ...INFO, signatures: signatures.slice(0, 3) }), false)
})

test('the key of the public cache is built in, and may be named again', () => {
  const key = 'cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY='
  assert.deepEqual(new TrustedKeys([key]).names, ['cache.nixos.org-1'])
})

test('texts that are no public keys are refused, and so are two keys of one name', () => {
  for (const text of ['', 'x', 'x:', ':AAAA', 'x:AAAA', `x:${'!'.repeat(43)}=`]) {
    assert.throws(() => new TrustedKeys([text]), failsWith('USAGE', 'Cannot use public key'), text)
  }
  assert.throws(() => new TrustedKeys([makeKey('k').publicKey, makeKey('k').publicKey]), failsWith('USAGE', '"k"'))
})
