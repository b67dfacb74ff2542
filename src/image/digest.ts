import { createHash } from 'node:crypto'
import { DockerToolsError } from '#errors'

declare const digestBrand: unique symbol

/** `sha256:` and 64 lower-case hexadecimal digits. Made only by `parseDigest` and by hashing. */
export type Digest = `sha256:${string}` & { readonly [digestBrand]: true }

const DIGEST = /^sha256:[0-9a-f]{64}$/

/**
 * Reads a digest as OCI writes it.
 *
 * @throws {DockerToolsError} `FORMAT_INVALID` for any other text, also for
 *   other algorithms and for upper-case digits.
 */
export function parseDigest(text: string): Digest {
  if (!DIGEST.test(text)) {
    throw new DockerToolsError(
      'FORMAT_INVALID',
      `Cannot read digest: "${text}" should be "sha256:" and 64 lower-case hexadecimal digits`,
    )
  }
  return text as Digest
}

/** The digest of bytes in memory. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest
}

/** The 64 hexadecimal digits alone, as file names in a docker-archive have them. */
export function digestHex(digest: Digest): string {
  return digest.slice('sha256:'.length)
}
