import { DockerToolsError } from '#errors'
import { type Hash, type HashAlgorithm, parseHash } from '#store'
import type { Meta } from './built.ts'
import type { FixedContent } from './derivation.ts'
import { isRealisable, type Realisable } from './realisable.ts'

/** A value that a variable of a builder can be made of; lists are joined by spaces, as Nix does it. */
export type Coercible = string | number | boolean | null | Realisable | readonly Coercible[]

/** Arguments of `derivation`, those of Nix's own function. Every other one becomes a variable of the builder. */
export interface DerivationArgs {
  /** Name of the store path. */
  readonly name: string
  /** A program: absolute, or made first. One starting with `./` or `../` is added to the store. */
  readonly builder: string | Realisable
  /** Default: what this machine is, such as `x86_64-linux`. */
  readonly system?: string
  /** Arguments of the program. Default: none. */
  readonly args?: readonly Coercible[]
  /** Default: `['out']`. */
  readonly outputs?: readonly string[]
  /** The content's hash, where it is known beforehand, in any form Nix takes. */
  readonly outputHash?: string
  /** Needed where `outputHash` does not say it. */
  readonly outputHashAlgo?: string | null
  /** `flat` (the default), where the hash is of one plain file; `recursive` or `nar`, where it is of the NAR. */
  readonly outputHashMode?: string
  /** `priority`: in `buildEnv` the smaller number wins; default 5. */
  readonly meta?: Meta
  readonly [variable: string]: Coercible | Meta | undefined
}

/**
 * A value as the text that Nix makes of it; what is to be made is a placeholder in it.
 *
 * @see nix `src/libexpr/eval.cc`, `coerceToString`
 */
export function coerceToText(value: Coercible, what: string): string {
  if (typeof value === 'string') return value
  if (value === null || value === false) return ''
  if (value === true) return '1'
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return String(value)
    if (Number.isFinite(value)) return value.toFixed(6)
  } else if (Array.isArray(value)) return joinList(value as readonly Coercible[], what)
  else if (isRealisable(value)) return String(value)
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot use ${what}: it should be a text, number, boolean, null, something to be made, or a list of these`,
  )
}

/** An empty list inside a list gives nothing, not even a space. */
function joinList(items: readonly Coercible[], what: string): string {
  let text = ''
  for (const [index, item] of items.entries()) {
    text += coerceToText(item, what)
    if (index < items.length - 1 && !(Array.isArray(item) && item.length === 0)) text += ' '
  }
  return text
}

/** @throws {DockerToolsError} `DEFINITION_INVALID`; `FORMAT_INVALID` for a hash that is none. */
export function fixedContentOf(args: {
  readonly name: string
  readonly outputHash?: string | undefined
  readonly outputHashAlgo?: string | null | undefined
  readonly outputHashMode?: string | undefined
}): FixedContent | undefined {
  const { name, outputHash, outputHashAlgo, outputHashMode = 'flat' } = args
  if (outputHash === undefined) return undefined
  if (outputHashMode !== 'flat' && outputHashMode !== 'recursive' && outputHashMode !== 'nar') {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot make derivation "${name}": its outputHashMode is ${JSON.stringify(outputHashMode)}, it should be "flat", "recursive" or "nar"`,
    )
  }
  return { ingestion: outputHashMode === 'flat' ? 'flat' : 'nar', hash: hashOf(name, outputHash, outputHashAlgo) }
}

const ALGORITHMS: readonly HashAlgorithm[] = ['md5', 'sha1', 'sha256', 'sha512']

function hashOf(name: string, text: string, algorithm: string | null | undefined): Hash {
  if (algorithm === undefined || algorithm === null || algorithm === '') return parseHash(text)
  const known = ALGORITHMS.find((candidate) => candidate === algorithm)
  if (known !== undefined) return parseHash(text, known)
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot make derivation "${name}": its outputHashAlgo is ${JSON.stringify(algorithm)}, it should be one of ${ALGORITHMS.join(', ')}`,
  )
}
