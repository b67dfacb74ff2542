import type { Hash } from './hash.ts'
import type { StorePath } from './store-path.ts'

/** What a store knows of a path besides its content. */
export interface PathInfo {
  readonly path: StorePath
  /** sha256 of the path's NAR. */
  readonly narHash: Hash
  /** Bytes of the path's NAR. */
  readonly narSize: number
  /** Sorted by path; holds the path itself where its content names it. */
  readonly references: readonly StorePath[]
  /** What is said to have built it. Nobody vouches for this. */
  readonly deriver?: StorePath
  /** `NAME:BASE64`, one for each key that signed. */
  readonly signatures: readonly string[]
  /** For example `fixed:r:sha256:…`: how the path follows from its content. */
  readonly contentAddress?: string
}
