import { DockerToolsError } from '#errors'

declare const storePathBrand: unique symbol

/** `STOREDIR/HASH-NAME`, for example `/nix/store/…-hello-2.12`. Made only by `parseStorePath`. */
export type StorePath = string & { readonly [storePathBrand]: true }

/** Where store paths live unless a store says otherwise. */
export const DEFAULT_STORE_DIR = '/nix/store'

/** Characters of the hash part: 160 bits in base 32. */
export const HASH_PART_LENGTH = 32

/** Characters a name can have: with hash part, dash and Nix's own suffixes it then fits a file name. */
export const MAX_NAME_LENGTH = 211

const HASH_PART = /^[0-9a-df-np-sv-z]{32}$/
const NAME = /^[0-9A-Za-z+._?=-]+$/
/** Names that a reader of `STOREDIR/..-x` style texts could take for a folder step; Nix refuses them since 2.20. */
const DOT_NAME = /^\.\.?(?:-|$)/

/**
 * Reads a store path.
 *
 * @param storeDir Absolute folder the path has to be directly in.
 * @throws {DockerToolsError} `STORE_PATH_INVALID` if `text` is anything else,
 *   such as a file below a store path.
 */
export function parseStorePath(text: string, storeDir: string = DEFAULT_STORE_DIR): StorePath {
  const fault = findFault(text, storeDir)
  if (fault !== undefined) {
    throw new DockerToolsError('STORE_PATH_INVALID', `Cannot read store path ${quote(text)}: ${fault}`)
  }
  return text as StorePath
}

/** Whether `text` is a store path directly in `storeDir`. */
export function isStorePath(text: string, storeDir: string = DEFAULT_STORE_DIR): text is StorePath {
  return findFault(text, storeDir) === undefined
}

/** Whether `text` is the 32 characters that a store path has before its name. */
export function isHashPart(text: string): boolean {
  return HASH_PART.test(text)
}

/** Why `name` cannot be the name of a store path, or undefined where it can. */
export function findNameFault(name: string): string | undefined {
  if (name === '') return 'its name is empty, and it should have one'
  if (name.length > MAX_NAME_LENGTH) {
    return `its name has ${name.length} characters, it should have at most ${MAX_NAME_LENGTH}`
  }
  if (!NAME.test(name)) return `its name ${quote(name)} should have only letters, digits and "+-._?="`
  if (DOT_NAME.test(name)) return `its name ${quote(name)} should not be "." or ".." or start with ".-" or "..-"`
  return undefined
}

/** The 32 characters before the name. */
export function storePathHash(path: StorePath): string {
  const start = path.lastIndexOf('/') + 1
  return path.slice(start, start + HASH_PART_LENGTH)
}

/** What follows the hash part and its dash. */
export function storePathName(path: StorePath): string {
  return path.slice(path.lastIndexOf('/') + 1 + HASH_PART_LENGTH + 1)
}

/** The path without its store folder, as narinfo files name references. */
export function storePathBaseName(path: StorePath): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Byte order, which is the order Nix lists references in. Store paths are ASCII, so comparing code units compares bytes. */
export function compareStorePaths(a: StorePath, b: StorePath): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function findFault(text: string, storeDir: string): string | undefined {
  if (!text.startsWith(`${storeDir}/`)) return `it should be directly in the store folder ${quote(storeDir)}`
  const base = text.slice(storeDir.length + 1)
  if (base.includes('/')) return 'it should have nothing below the name, but it has a further "/"'
  const hashPart = base.slice(0, HASH_PART_LENGTH)
  if (!HASH_PART.test(hashPart)) {
    return `its hash part ${quote(hashPart)} should be 32 characters of "0123456789abcdfghijklmnpqrsvwxyz"`
  }
  if (base[HASH_PART_LENGTH] !== '-') return 'it should have a "-" and a name after the hash part'
  return findNameFault(base.slice(HASH_PART_LENGTH + 1))
}

/** Foreign text in a message: bounded, and with control characters escaped. */
function quote(text: string): string {
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text)
}
