/**
 * Nix stores: store paths and how they are made, NARs, hashes, closures; the
 * machine's Nix store, binary caches and reference graphs are read, local
 * stores read and written. Nothing is built here, and nothing knows of images.
 *
 * @see https://nix.dev/manual/nix/latest/protocols/
 */
export { checkRootLink } from './add-gc-root.ts'
export { closure } from './closure.ts'
export { CompositeStore } from './composite-store.ts'
export { encodeNixDatabase } from './encode-nix-database.ts'
export {
  formatHash,
  type Hash,
  type HashAlgorithm,
  hashBytes,
  type HashFormat,
  hashesEqual,
  parseHash,
} from './hash.ts'
export {
  compressHash,
  makeFixedOutputPath,
  makeOutputPath,
  makeSourcePath,
  makeTextPath,
  type PathReferences,
} from './make-path.ts'
export { measureNarOnDisk } from './measure-nar-on-disk.ts'
export { measureNar, type NarMeasure, narSizeOf } from './measure-nar.ts'
export { directoryTree, fileTree } from './memory-tree.ts'
export { NIX_SCHEMA_VERSION } from './local-schema.ts'
export { formatNarInfo, type NarInfo, parseNarInfo } from './narinfo.ts'
export { decodeNix32, encodeNix32 } from './nix32.ts'
export { openStore, openStores } from './open-store.ts'
export { openFirstWritableStore, openWritableStore } from './open-writable-store.ts'
export { parseReferenceGraph } from './parse-reference-graph.ts'
export type { PathInfo } from './path-info.ts'
export { DEFAULT_NAR_LIMITS, type NarLimits, readNar } from './read-nar.ts'
export { closureOf, type MeasuredNode, type ReferenceGraph, type ReferenceNode } from './reference-graph.ts'
export { type FoundReferences, type ReferenceScanOptions, scanReferences } from './scan-references.ts'
export { BUILT_IN_KEY, fingerprint, TrustedKeys, verifySignature } from './signature.ts'
export { recordProgram } from './record-program.ts'
export type { Store } from './store.ts'
export type { StoreOptions } from './store-options.ts'
export {
  compareStorePaths,
  DEFAULT_STORE_DIR,
  isStorePath,
  parseStorePath,
  type StorePath,
  storePathHash,
  storePathName,
} from './store-path.ts'
export { writeNar } from './write-nar.ts'
export type {
  AddOptions,
  CopyReport,
  GarbageOptions,
  GarbageReport,
  NewOutput,
  OutputOptions,
  RootOptions,
  StoreFault,
  VerifyOptions,
  VerifyReport,
  WritableStore,
} from './writable-store.ts'
