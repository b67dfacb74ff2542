import { createHash, type Hash as Hasher } from 'node:crypto'
import { DockerToolsError } from '#errors'
import { unreachable } from '#util'
import { decodeNix32, encodeNix32, nix32Length } from './nix32.ts'

/** The digests Nix knows. */
export type HashAlgorithm = 'md5' | 'sha1' | 'sha256' | 'sha512'

/** A digest and the algorithm that made it. */
export interface Hash {
  readonly algorithm: HashAlgorithm
  readonly bytes: Uint8Array
}

/** How a digest is written: `nix32` is Nix's own base 32, `sri` is `sha256-BASE64`. */
export type HashFormat = 'hex' | 'nix32' | 'base64' | 'sri'

const SIZE_BYTES: Readonly<Record<HashAlgorithm, number>> = { md5: 16, sha1: 20, sha256: 32, sha512: 64 }

/**
 * Reads a digest in any form Nix writes: `sha256:DIGEST`, `sha256-BASE64`
 * (SRI), or a bare `DIGEST` in hex, Nix's base 32 or base 64. The length tells
 * the three apart, as none of them share one for the same algorithm.
 *
 * @param algorithm What a bare digest is of; where the text names another, it
 *   is refused.
 * @throws {DockerToolsError} `FORMAT_INVALID` for anything else.
 */
export function parseHash(text: string, algorithm?: HashAlgorithm): Hash {
  const prefix = /^([a-z0-9]+)([:-])/.exec(text)
  const named = prefix === null ? undefined : asAlgorithm(prefix[1]!)
  if (prefix !== null && named === undefined) {
    throw invalid(text, `its algorithm is "${prefix[1]!}", it should be md5, sha1, sha256 or sha512`)
  }
  const chosen = named ?? algorithm
  if (chosen === undefined) throw invalid(text, 'it names no algorithm, it should start with "sha256:" or "sha256-"')
  if (algorithm !== undefined && chosen !== algorithm) {
    throw invalid(text, `its algorithm is ${chosen}, it should be ${algorithm}`)
  }
  const digest = prefix === null ? text : text.slice(prefix[0].length)
  return { algorithm: chosen, bytes: decodeDigest(text, digest, chosen, prefix?.[2] === '-') }
}

/** Writes a digest. Only `sri` names the algorithm. */
export function formatHash(hash: Hash, format: HashFormat): string {
  const bytes = Buffer.from(hash.bytes.buffer, hash.bytes.byteOffset, hash.bytes.byteLength)
  switch (format) {
    case 'hex':
      return bytes.toString('hex')
    case 'nix32':
      return encodeNix32(bytes)
    case 'base64':
      return bytes.toString('base64')
    case 'sri':
      return `${hash.algorithm}-${bytes.toString('base64')}`
    default:
      return unreachable(format)
  }
}

/** A hash of bytes that are in memory. */
export function hashBytes(algorithm: HashAlgorithm, content: Uint8Array | string): Hash {
  return finishHash(algorithm, createHash(algorithm).update(content))
}

/** The digest of what a hasher was fed. The hasher cannot be used afterwards. */
export function finishHash(algorithm: HashAlgorithm, hasher: Hasher): Hash {
  // A plain array, as everywhere in a Hash: a Buffer would compare as different in tests.
  return { algorithm, bytes: Uint8Array.from(hasher.digest()) }
}

/** Whether two hashes are the same digest of the same algorithm. */
export function hashesEqual(a: Hash, b: Hash): boolean {
  return a.algorithm === b.algorithm && Buffer.compare(a.bytes, b.bytes) === 0
}

function decodeDigest(text: string, digest: string, algorithm: HashAlgorithm, isSri: boolean): Uint8Array {
  const size = SIZE_BYTES[algorithm]
  if (!isSri && digest.length === size * 2) {
    if (!/^[0-9a-fA-F]*$/.test(digest)) throw invalid(text, 'it should be hex, to judge by its length')
    return Uint8Array.from(Buffer.from(digest, 'hex'))
  }
  if (!isSri && digest.length === nix32Length(size)) return decodeNix32(digest)
  if (digest.length === Math.ceil(size / 3) * 4) {
    const bytes = Buffer.from(digest, 'base64')
    // Buffer skips what it does not know and takes loose padding; writing the bytes again shows both.
    if (bytes.length === size && bytes.toString('base64') === digest) return Uint8Array.from(bytes)
    throw invalid(text, 'it should be base 64, to judge by its length')
  }
  const forms = isSri ? 'base 64' : 'hex, base 32 or base 64'
  throw invalid(text, `its digest has ${digest.length} characters, which is no ${algorithm} in ${forms}`)
}

function asAlgorithm(name: string): HashAlgorithm | undefined {
  return Object.hasOwn(SIZE_BYTES, name) ? (name as HashAlgorithm) : undefined
}

function invalid(text: string, fault: string): DockerToolsError {
  return new DockerToolsError('FORMAT_INVALID', `Cannot read hash ${JSON.stringify(text.slice(0, 200))}: ${fault}`)
}
