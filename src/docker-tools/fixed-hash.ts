import { DockerToolsError, IntegrityError } from '#errors'
import { report } from '#events'
import { formatHash, type Hash, type HashAlgorithm, hashesEqual, parseHash } from '#store'

/** The arguments by which fetchers are told what they should get. */
export interface HashArguments {
  readonly hash?: string | null | undefined
  readonly sha256?: string | null | undefined
  readonly outputHash?: string | null | undefined
  readonly outputHashAlgo?: string | null | undefined
}

/** What should come, and whether that was said. */
export interface FixedHash {
  readonly hash: Hash
  /** False for an empty text, by which people ask for the hash. */
  readonly isKnown: boolean
}

const FAKE_HASH: Hash = { algorithm: 'sha256', bytes: new Uint8Array(32) }

/**
 * The hash that a fetcher is called with, in hex, Nix's base 32, base 64 or SRI.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID` if there is none, more than one, or none that can be read.
 * @see nixpkgs `lib/fetchers.nix`, `normalizeHash`
 */
export function fixedHash(functionName: string, args: HashArguments): FixedHash {
  const given = (['hash', 'sha256', 'outputHash'] as const).filter((name) => typeof args[name] === 'string')
  const [name, ...others] = given
  if (name === undefined) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot call ${functionName}: fetcher called without "hash", it should be the hash of the result`,
      { hint: 'dockertools prefetch prints it; with an empty one ("") the error tells it' },
    )
  }
  if (others.length > 0) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot call ${functionName}: fetcher called with mutually-incompatible arguments: ${given.join(', ')}, there should be one of them`,
    )
  }
  const text = args[name] ?? ''
  if (text === '') return { hash: FAKE_HASH, isKnown: false }
  const algorithm = name === 'sha256' ? 'sha256' : name === 'outputHash' ? args.outputHashAlgo : undefined
  try {
    return { hash: parseHash(text, (algorithm ?? undefined) as HashAlgorithm | undefined), isKnown: true }
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^Cannot read hash /, '') : String(error)
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot call ${functionName}: argument "${name}" should be a hash in hex, base 32, base 64 or SRI: ${reason}`,
      { cause: error },
    )
  }
}

/** Says that a hash is missing, in upstream's words. */
export function warnOfFakeHash({ hash, isKnown }: FixedHash): void {
  if (isKnown) return
  report({ type: 'warning', code: 'HASH_EMPTY', message: `found empty hash, assuming '${formatHash(hash, 'sri')}'` })
}

/**
 * Compares what came with what should.
 *
 * @throws {IntegrityError} `DIGEST_MISMATCH`, with both hashes as Nix shows them.
 */
export function expectHash(expected: FixedHash, actual: Hash, what: string): void {
  if (hashesEqual(expected.hash, actual)) return
  const [specified, got] = [formatHash(expected.hash, 'sri'), formatHash(actual, 'sri')]
  throw new IntegrityError(
    'DIGEST_MISMATCH',
    `Cannot use ${what}: hash mismatch\n         specified: ${specified}\n            got:    ${got}`,
    {
      expected: specified,
      actual: got,
      hint: expected.isKnown
        ? 'If the image is the one that is meant, put the hash that it got into the definition'
        : `Put "${got}" into the definition`,
    },
  )
}
