import type { TreeEntry } from '#tree'
import type { PathInfo } from './path-info.ts'
import type { StorePath } from './store-path.ts'

/** Where store paths and their references come from. Nothing is ever written to it. */
export interface Store {
  /** The folder its paths are named in, `/nix/store` for nearly all. */
  readonly dir: string
  /** What `openStore` was given, in full. */
  readonly uri: string

  /** @throws {DockerToolsError} `STORE_PATH_MISSING` if the store does not have it. */
  pathInfo(path: StorePath): Promise<PathInfo>

  has(path: StorePath): Promise<boolean>

  /** The path whose hash part is `hashPart`. */
  findByHashPart(hashPart: string): Promise<StorePath | undefined>

  /**
   * The content in NAR order: the root first (its path is empty), every
   * directory followed by what is in it, siblings by bytes.
   *
   * A file's body can be opened once, and only until the next entry is asked
   * for. What comes from a cache is verified by the time the iteration ends;
   * bytes taken before that are not vouched for.
   *
   * @throws {IntegrityError} `DIGEST_MISMATCH`, `SIZE_MISMATCH`.
   */
  entries(path: StorePath): AsyncIterable<TreeEntry>

  /** Where the content is on this machine, or undefined where it is no tree on disk. */
  realPath(path: StorePath): Promise<string | undefined>
}
