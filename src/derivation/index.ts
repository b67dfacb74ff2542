/**
 * What can be built, and where the result belongs: Nix derivations, for now
 * their texts and output paths. Builds nothing, and writes to no store.
 *
 * @see https://nix.dev/manual/nix/latest/protocols/derivation-aterm
 */
export { derivationOutputPath } from './derivation-output-path.ts'
export type { DerivationSpec } from './derivation-spec.ts'
export { writeDerivation, type WrittenDerivation } from './write-derivation.ts'
