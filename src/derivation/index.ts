/**
 * What can be built, and where the result belongs: Nix derivations, their
 * texts and output paths; builders; and the session that makes outputs and puts
 * them into the local store. Knows nothing of images.
 *
 * @see https://nix.dev/manual/nix/latest/protocols/derivation-aterm
 */
export { buildEnv, type BuildEnvArgs } from './build-env.ts'
export { type Built, makeBuilt, type Meta, setPrio } from './built.ts'
export { closureInfo, type ClosureInfoArgs, writeClosure } from './closure-info.ts'
export { type Coercible, coerceToText, type DerivationArgs } from './derivation-args.ts'
export { derivation, type DerivationRecipe } from './derivation-recipe.ts'
export { derivationOutputPath } from './derivation-output-path.ts'
export type { DerivationInput, DerivationSpec } from './derivation-spec.ts'
export type { Derivation, DerivationOutput, FixedContent } from './derivation.ts'
export { encodeDerivation } from './encode-derivation.ts'
export { fetchurl, type FetchurlArgs } from './fetchurl.ts'
export { type DerivationIdentity, hashDerivationModulo, identifyDerivation } from './hash-derivation-modulo.ts'
export { identifyDerivations } from './identify-derivations.ts'
export { importPath, type ImportPathArgs } from './import-path.ts'
export { argumentOf, invalid as invalidArgument, isText, namedArguments, optionalOf } from './named-arguments.ts'
export { openRealiseSession, type RealiseSessionOptions } from './open-realise-session.ts'
export { type OurDerivation, ourDerivationSpec } from './our-derivation-spec.ts'
export { makeOwnOutput, type OwnPlan } from './own-output.ts'
export { isPathLike, type PathLike, resolvePath, type UsedPath } from './path-like.ts'
export { MAX_DERIVATION_BYTES, parseDerivation } from './parse-derivation.ts'
export { findPlaceholders, placeholder, placeholderOf, replacePlaceholders } from './placeholder.ts'
export {
  type Builder,
  type DerivationDescription,
  type DerivationOutputOf,
  isRealisable,
  type Realisable,
  type Realisation,
  REALISE,
  type RealiseOptions,
  type RealiseSession,
} from './realisable.ts'
export { runCommand, type RunCommandArgs } from './run-command.ts'
export { storePath } from './store-path-of.ts'
export { symlinkJoin, type SymlinkJoinArgs } from './symlink-join.ts'
export {
  writeScript,
  type WriteScriptArgs,
  writeScriptBin,
  writeShellScript,
  type WriteShellScriptArgs,
  writeShellScriptBin,
  writeTextDir,
  type WriteTextDirArgs,
} from './text-builders.ts'
export { resolveTexts, type UsedTexts } from './used-texts.ts'
export { thisSystem } from './this-system.ts'
export { writeDerivation, type WrittenDerivation } from './write-derivation.ts'
export { writeText, type WriteTextArgs } from './write-text.ts'
export { textFile, writeTextFile, type WriteTextFileArgs } from './write-text-file.ts'
