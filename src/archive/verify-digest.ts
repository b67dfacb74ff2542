import { createHash } from 'node:crypto'
import { IntegrityError } from '#errors'
import type { Digest } from '#image'

/**
 * Passes bytes through and, at their end, compares their digest.
 *
 * @throws {IntegrityError} `DIGEST_MISMATCH`, after the last chunk: whoever writes them on must not call the result whole.
 */
export async function* verifyDigest(
  source: AsyncIterable<Uint8Array>,
  expected: Digest,
  what: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  for await (const chunk of source) {
    hash.update(chunk)
    yield chunk
  }
  const actual = `sha256:${hash.digest('hex')}`
  if (actual !== expected) {
    throw new IntegrityError(
      'DIGEST_MISMATCH',
      `Cannot use ${what}: its digest is "${actual}", it should be "${expected}"`,
      {
        expected,
        actual,
      },
    )
  }
}
