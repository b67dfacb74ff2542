import { DockerToolsError } from '#errors'
import { isStorePath, type StorePath } from '#store'
import { type ByteString, toByteString } from '#util'
import type { StoredEntry, StoredTree, StoredTrees } from './stored-trees.ts'

/** A directory in the store: a store path, and what is below it. */
interface Place {
  readonly storePath: StorePath
  readonly below: ByteString
  /** Symlinks that were followed on the way here; the kernel follows so many and no more. */
  readonly hops: number
}

const MAX_LINK_HOPS = 40
/** Links to folders above them multiply files: rsync stops when the kernel does, and that may be very late. */
const MAX_ENTRIES = 2_000_000

/**
 * The entries of a store path as `rsync -a ITEM/` reads them: where the path is
 * a symlink, those of the directory it leads to.
 *
 * @param copyDirlinks Whether symlinks to directories become directories (`rsync -k`). A symlink that leads out of the
 *   store, to a file or nowhere stays a symlink.
 * @throws {DockerToolsError} `FILE_TYPE_UNSUPPORTED` if the path is no directory; `LIMIT_EXCEEDED`.
 */
export async function* rsyncEntries(
  item: StorePath,
  copyDirlinks: boolean,
  storeDir: string,
  trees: StoredTrees,
): AsyncGenerator<StoredEntry> {
  const resolver = new Resolver(storeDir, trees)
  const root = await resolver.directory(toByteString(item), 0)
  if (root === undefined) {
    throw new DockerToolsError('FILE_TYPE_UNSUPPORTED', `Cannot copy "${item}" into the image: it is not a folder`)
  }
  let count = 0
  const stack: { readonly place: Place; readonly path: ByteString }[] = [{ place: root, path: toByteString('') }]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const tree = await trees.tree(top.place.storePath)
    yield { path: top.path, mode: tree.get(top.place.below)?.mode ?? 0o555, type: 'directory' }
    for (const entry of tree.children(top.place.below)) {
      if (++count > MAX_ENTRIES) throw tooMany(item)
      const path = joined(top.path, entry.path.slice(entry.path.lastIndexOf('/') + 1))
      const { storePath, hops } = top.place
      const place =
        entry.type === 'directory'
          ? { storePath, below: entry.path, hops }
          : entry.type === 'symlink' && copyDirlinks
            ? await resolver.directory(toByteString(`${storePath}/`).concat(entry.path) as ByteString, hops)
            : undefined
      if (place === undefined) yield { ...entry, path }
      else stack.push({ place, path })
    }
  }
}

class Resolver {
  readonly #storeDir: string
  readonly #trees: StoredTrees

  constructor(storeDir: string, trees: StoredTrees) {
    this.#storeDir = storeDir
    this.#trees = trees
  }

  /** The directory that an absolute path leads to, as the kernel goes; undefined where it is none of the store. */
  async directory(absolute: ByteString, hopsBefore: number): Promise<Place | undefined> {
    const pending = partsOf(absolute)
    let current: string[] = []
    let hops = hopsBefore
    while (pending.length > 0) {
      const part = pending.shift() ?? ''
      if (part === '..') {
        current.pop()
        continue
      }
      current.push(part)
      const found = await this.#lookUp(current)
      if (found === undefined) return undefined
      if (found === 'above' || found.entry.type === 'directory') continue
      if (found.entry.type !== 'symlink' || ++hops > MAX_LINK_HOPS) return undefined
      pending.unshift(...partsOf(found.entry.target))
      if (found.entry.target.startsWith('/')) current = []
      else current.pop()
    }
    const end = await this.#lookUp(current)
    return end === undefined || end === 'above' ? undefined : { storePath: end.storePath, below: end.entry.path, hops }
  }

  /** The entry at an absolute path without links; `above` for the store's folder and those it is in. */
  async #lookUp(
    parts: readonly string[],
  ): Promise<{ readonly storePath: StorePath; readonly entry: StoredEntry } | 'above' | undefined> {
    const storeParts = partsOf(toByteString(this.#storeDir))
    if (!parts.every((part, index) => index >= storeParts.length || part === storeParts[index])) return undefined
    if (parts.length <= storeParts.length) return 'above'
    const storePath = `${this.#storeDir}/${parts[storeParts.length]}`
    if (!isStorePath(storePath, this.#storeDir)) return undefined
    const tree = await this.#treeOf(storePath)
    const entry = tree?.get(parts.slice(storeParts.length + 1).join('/') as ByteString)
    return entry === undefined ? undefined : { storePath, entry }
  }

  async #treeOf(path: StorePath): Promise<StoredTree | undefined> {
    try {
      return await this.#trees.tree(path)
    } catch (error) {
      if (error instanceof DockerToolsError && error.code === 'STORE_PATH_MISSING') return undefined
      throw error
    }
  }
}

function joined(folder: ByteString, name: string): ByteString {
  return (folder === '' ? name : `${folder}/${name}`) as ByteString
}

function partsOf(path: ByteString): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.')
}

function tooMany(item: StorePath): DockerToolsError {
  return new DockerToolsError(
    'LIMIT_EXCEEDED',
    `Cannot copy "${item}" into the image: with the folders that its symlinks lead to it has more than ${MAX_ENTRIES} files`,
    { hint: 'Use keepContentsDirlinks, which keeps symlinks to folders as they are' },
  )
}
