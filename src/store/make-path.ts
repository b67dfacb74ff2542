import { DockerToolsError } from '#errors'
import { formatHash, type Hash, hashBytes } from './hash.ts'
import { encodeNix32 } from './nix32.ts'
import { compareStorePaths, DEFAULT_STORE_DIR, findNameFault, parseStorePath, type StorePath } from './store-path.ts'

/** Bytes of a store path's hash part. */
const HASH_PART_BYTES = 20

/** What a path refers to, where that is part of its name. */
export interface PathReferences {
  /** Other paths, in any order. */
  readonly references?: readonly StorePath[]
  /** Whether the content names the path it will get. */
  readonly isSelfReferential?: boolean
}

/**
 * Folds `bytes` to `size` bytes by exclusive or, as Nix shortens hashes for
 * store paths.
 *
 * @see nix `src/libutil/hash.cc`, `compressHash`
 */
export function compressHash(bytes: Uint8Array, size: number = HASH_PART_BYTES): Uint8Array {
  const folded = new Uint8Array(size)
  for (let index = 0; index < bytes.length; index++) folded[index % size]! ^= bytes[index]!
  return folded
}

/** The path of a text made by `builtins.toFile`, and of a `.drv`. `textHash` is the sha256 of the text. */
export function makeTextPath(
  name: string,
  textHash: Hash,
  references: readonly StorePath[] = [],
  storeDir: string = DEFAULT_STORE_DIR,
): StorePath {
  return makeStorePath(typeWithReferences('text', { references }), requireSha256(textHash), name, storeDir)
}

/** The path of a tree added by its NAR (a path literal, `nix-store --add`). `narHash` is sha256. */
export function makeSourcePath(
  name: string,
  narHash: Hash,
  references: PathReferences = {},
  storeDir: string = DEFAULT_STORE_DIR,
): StorePath {
  return makeStorePath(typeWithReferences('source', references), requireSha256(narHash), name, storeDir)
}

/**
 * The path of an output of an input-addressed derivation.
 *
 * @param derivationHash The derivation's hash modulo its fixed-output inputs.
 * @param output For example `out`, which adds nothing to the name.
 */
export function makeOutputPath(
  output: string,
  derivationHash: Hash,
  name: string,
  storeDir: string = DEFAULT_STORE_DIR,
): StorePath {
  const fullName = output === 'out' ? name : `${name}-${output}`
  return makeStorePath(`output:${output}`, requireSha256(derivationHash), fullName, storeDir)
}

/**
 * The path of content known by its hash beforehand (`outputHash`).
 *
 * @param ingestion `nar` where `hash` is of the NAR (`recursive`), `flat`
 *   where it is of the one file.
 */
export function makeFixedOutputPath(
  ingestion: 'nar' | 'flat',
  hash: Hash,
  name: string,
  references: PathReferences = {},
  storeDir: string = DEFAULT_STORE_DIR,
): StorePath {
  if (ingestion === 'nar' && hash.algorithm === 'sha256') return makeSourcePath(name, hash, references, storeDir)
  if ((references.references ?? []).length > 0 || references.isSelfReferential === true) {
    throw new DockerToolsError(
      'STORE_PATH_INVALID',
      `Cannot make a store path for "${name}": it has references, only content hashed as a NAR by sha256 should`,
    )
  }
  const method = ingestion === 'nar' ? 'r:' : ''
  const text = `fixed:out:${method}${hash.algorithm}:${formatHash(hash, 'hex')}:`
  return makeStorePath('output:out', hashBytes('sha256', text), name, storeDir)
}

/** @see nix `src/libstore/store-api.cc`, `makeStorePath` */
function makeStorePath(type: string, hash: Hash, name: string, storeDir: string): StorePath {
  const fault = findNameFault(name)
  if (fault !== undefined) {
    throw new DockerToolsError('STORE_PATH_INVALID', `Cannot make a store path for ${JSON.stringify(name)}: ${fault}`)
  }
  const fingerprint = `${type}:sha256:${formatHash(hash, 'hex')}:${storeDir}:${name}`
  return parseStorePath(
    `${storeDir}/${encodeNix32(compressHash(hashBytes('sha256', fingerprint).bytes))}-${name}`,
    storeDir,
  )
}

function typeWithReferences(type: string, { references = [], isSelfReferential = false }: PathReferences): string {
  const sorted = [...new Set(references)].toSorted(compareStorePaths)
  return [type, ...sorted, ...(isSelfReferential ? ['self'] : [])].join(':')
}

function requireSha256(hash: Hash): Hash {
  if (hash.algorithm === 'sha256') return hash
  throw new DockerToolsError(
    'STORE_PATH_INVALID',
    `Cannot make a store path: its content has a ${hash.algorithm} hash, it should be sha256`,
  )
}
