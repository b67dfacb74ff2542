import { encodeNixJson, type JsonObject } from '#image'
import type { StorePath } from '#store'
import type { DerivationSpec } from './derivation-spec.ts'

/** Moves only when the bytes of an output do. */
const FORMAT_VERSION = '1'

/** What is made by this package itself, and what of. */
export interface OurDerivation {
  readonly name: string
  /** What makes it; part of the hash. */
  readonly function: string
  readonly args: JsonObject
  /** Every store path used, in any order. */
  readonly inputs: readonly StorePath[]
}

/**
 * The derivation of something that this package makes itself. Its path follows
 * from inputs alone, not from the machine or the release.
 */
export function ourDerivationSpec({ name, function: maker, args, inputs }: OurDerivation): DerivationSpec {
  return {
    name,
    builder: 'builtin:dockertools',
    system: 'builtin',
    args: [],
    // The writer adds builder, name, out and system.
    env: { function: maker, formatVersion: FORMAT_VERSION, args: encodeNixJson(args) },
    inputSources: [...new Set(inputs)],
  }
}
