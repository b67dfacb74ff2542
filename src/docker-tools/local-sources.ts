import { createHash } from 'node:crypto'
import { basename, resolve } from 'node:path'
import { lstat } from 'node:fs/promises'
import { DockerToolsError } from '#errors'
import { canonicalMode } from '#layer'
import { makeSourcePath, measureNarOnDisk, type PathInfo, type Store, type StorePath } from '#store'
import { scanTree, type TreeEntry, treeEntries } from '#tree'
import { toByteString } from '#util'

interface LocalSource {
  readonly info: PathInfo
  readonly physical: string
  /** How its files looked before they were read. */
  readonly look: string
}

/**
 * Local files and folders under the store paths they would have in a store: as
 * Nix treats a path literal, the path follows from the content's NAR hash and
 * the last part of the name. Nothing is copied.
 */
export class LocalSources implements Store {
  readonly dir: string
  readonly uri: string = 'local files'
  readonly #sources = new Map<StorePath, LocalSource>()
  readonly #added = new Map<string, Promise<StorePath>>()

  constructor(dir: string) {
    this.dir = dir
  }

  /**
   * Takes a local path in.
   *
   * @param path Taken from `baseDirectory` where it is relative. A symlink is taken as a symlink.
   * @throws {DockerToolsError} `FILE_UNREADABLE`; `STORE_PATH_INVALID` for a name that no store path can have.
   */
  add(path: string, baseDirectory: string): Promise<StorePath> {
    const physical = resolve(baseDirectory, path)
    const known = this.#added.get(physical)
    if (known !== undefined) return known
    const adding = this.#add(physical)
    this.#added.set(physical, adding)
    return adding
  }

  /** Whether the path is one of these, whose modes on disk are not those of a store. */
  isSource(path: StorePath): boolean {
    return this.#sources.has(path)
  }

  /**
   * Makes sure that everything taken in is as it was then: the store path is made of what was read first.
   *
   * @throws {DockerToolsError} `FILE_CHANGED`, `FILE_UNREADABLE`.
   */
  assertUnchanged(): void {
    for (const { physical, look } of this.#sources.values()) {
      if (lookOf(physical) === look) continue
      throw new DockerToolsError('FILE_CHANGED', `Cannot use "${physical}": it changed while the image was made`, {
        hint: 'What is written while the image is made, such as the image itself, has to lie outside of it',
      })
    }
  }

  // oxlint-disable-next-line require-await -- a store answers with a promise
  async pathInfo(path: StorePath): Promise<PathInfo> {
    return this.#get(path).info
  }

  // oxlint-disable-next-line require-await -- a store answers with a promise
  async has(path: StorePath): Promise<boolean> {
    return this.#sources.has(path)
  }

  // oxlint-disable-next-line require-await -- a store answers with a promise
  async findByHashPart(hashPart: string): Promise<StorePath | undefined> {
    return [...this.#sources.keys()].find((path) => path.startsWith(`${this.dir}/${hashPart}-`))
  }

  entries(path: StorePath): AsyncIterable<TreeEntry> {
    return canonical(treeEntries(toByteString(this.#get(path).physical), 'bytes'))
  }

  // oxlint-disable-next-line require-await -- a store answers with a promise
  async realPath(path: StorePath): Promise<string | undefined> {
    return this.#sources.get(path)?.physical
  }

  async #add(physical: string): Promise<StorePath> {
    try {
      await lstat(physical)
    } catch (error) {
      throw new DockerToolsError('FILE_UNREADABLE', `Cannot read "${physical}": there is no such file or folder`, {
        cause: error,
      })
    }
    const look = lookOf(physical)
    const { narHash, narSize } = await measureNarOnDisk(toByteString(physical))
    const path = makeSourcePath(basename(physical), narHash, {}, this.dir)
    this.#sources.set(path, { info: { path, narHash, narSize, references: [], signatures: [] }, physical, look })
    return path
  }

  #get(path: StorePath): LocalSource {
    const source = this.#sources.get(path)
    if (source === undefined) {
      throw new DockerToolsError('STORE_PATH_MISSING', `Cannot find "${path}": it is none of the local files`)
    }
    return source
  }
}

/** With the modes that files get in a store. */
async function* canonical(entries: AsyncIterable<TreeEntry>): AsyncGenerator<TreeEntry> {
  for await (const entry of entries) yield { ...entry, mode: canonicalMode(entry) }
}

/** A digest of kind, size, inode and change time of all files: the kernel moves the change time on every write. */
function lookOf(physical: string): string {
  const hash = createHash('sha256')
  for (const entry of scanTree(toByteString(physical), { order: 'bytes' })) {
    hash.update(`${entry.type} ${entry.mode} ${entry.ino} ${entry.ctimeMs} ${entry.type === 'file' ? entry.size : 0}\n`)
  }
  return hash.digest('base64')
}
