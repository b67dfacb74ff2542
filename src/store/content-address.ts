import { DockerToolsError } from '#errors'
import { type Hash, hashesEqual, parseHash } from './hash.ts'
import { makeFixedOutputPath, makeTextPath } from './make-path.ts'
import type { PathInfo } from './path-info.ts'
import { storePathName, type StorePath } from './store-path.ts'

/** How a path follows from its content. */
export interface ContentAddress {
  /** `nar`: `hash` is of the whole NAR; `file`: of the one file it consists of. */
  readonly subject: 'nar' | 'file'
  readonly hash: Hash
}

/**
 * What a path's content has to be for its name to vouch for it, or undefined
 * if the name follows from something else (then only a signature can).
 *
 * Whoever relies on this must check the content against the result too: a
 * cache could name the right path and address beside a wrong NAR hash.
 *
 * Paths that name themselves never come out equal here: their hash is of a
 * content with the path's own hash part blotted out. They need a signature.
 */
export function resolveContentAddress(info: PathInfo, storeDir: string): ContentAddress | undefined {
  const match = /^(?:(text):|fixed:(r:)?)([a-z0-9]+:[^:]+)$/.exec(info.contentAddress ?? '')
  if (match === null) return undefined
  const hash = parseQuietly(match[3]!)
  if (hash === undefined) return undefined
  const address: ContentAddress = { subject: match[2] === undefined ? 'file' : 'nar', hash }
  if (makeAddressedPath(match[1] === 'text', address, info, storeDir) !== info.path) return undefined
  if (address.subject === 'nar' && hash.algorithm === 'sha256' && !hashesEqual(hash, info.narHash)) return undefined
  return address
}

function makeAddressedPath(
  isText: boolean,
  { subject, hash }: ContentAddress,
  info: PathInfo,
  storeDir: string,
): StorePath | undefined {
  const name = storePathName(info.path)
  const { references } = info
  try {
    if (isText) return makeTextPath(name, hash, references, storeDir)
    return makeFixedOutputPath(subject === 'nar' ? 'nar' : 'flat', hash, name, { references }, storeDir)
  } catch (error) {
    // An address that could not be: flat with references, text by another algorithm.
    if (error instanceof DockerToolsError && error.code === 'STORE_PATH_INVALID') return undefined
    throw error
  }
}

function parseQuietly(text: string): Hash | undefined {
  try {
    return parseHash(text)
  } catch (error) {
    if (error instanceof DockerToolsError && error.code === 'FORMAT_INVALID') return undefined
    throw error
  }
}
