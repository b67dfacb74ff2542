import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { verifyDigest } from '#archive'
import { parseDigest } from '#image'

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text))
}

const digest = parseDigest(`sha256:${createHash('sha256').update('abcdef').digest('hex')}`)

test('bytes of the right digest pass through as they are', async () => {
  const passed = await Array.fromAsync(verifyDigest(chunks('abc', '', 'def'), digest, 'x'))
  assert.equal(Buffer.concat(passed).toString(), 'abcdef')
})

test('bytes of another digest fail at their end, naming both digests', async () => {
  for (const texts of [['abc'], ['abcdef', 'g'], [], ['abcdeF']]) {
    await assert.rejects(Array.fromAsync(verifyDigest(chunks(...texts), digest, 'layer "x"')), {
      code: 'DIGEST_MISMATCH',
      expected: digest,
      message: /^Cannot use layer "x": its digest is "sha256:[0-9a-f]{64}", it should be "sha256:/,
    })
  }
})
