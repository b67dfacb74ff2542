/**
 * What can be built, and where the result belongs: Nix derivations, for now
 * their texts, read and written, and their output paths. Builds nothing, and
 * writes to no store.
 *
 * @see https://nix.dev/manual/nix/latest/protocols/derivation-aterm
 */
export { derivationOutputPath } from './derivation-output-path.ts'
export type { DerivationInput, DerivationSpec } from './derivation-spec.ts'
export type { Derivation, DerivationOutput, FixedContent } from './derivation.ts'
export { encodeDerivation } from './encode-derivation.ts'
export { type DerivationIdentity, hashDerivationModulo, identifyDerivation } from './hash-derivation-modulo.ts'
export { identifyDerivations } from './identify-derivations.ts'
export { parseDerivation } from './parse-derivation.ts'
export { writeDerivation, type WrittenDerivation } from './write-derivation.ts'
