import { DockerToolsError } from '#errors'
import { canonicalMode } from '#layer'
import type { StorePath } from '#store'
import { type CopiedEntry, type FileBody, scanTree } from '#tree'
import { type ByteString, byteStringToText, makeSpool, type Spool, toByteString } from '#util'
import type { BuildContext } from './build-context.ts'

/** An entry of a store path, with where its content can be read. */
export type StoredEntry = CopiedEntry<FileBody>

/** All that is in a store path, listed. */
export interface StoredTree {
  /** The root first, each directory followed by what is in it. */
  readonly entries: readonly StoredEntry[]
  get(path: ByteString): StoredEntry | undefined
  /** What is directly in a directory. */
  children(path: ByteString): readonly StoredEntry[]
}

/** Content of paths that are not on disk waits in memory up to here, in a nameless file beyond. */
const SPOOL_MEMORY_BYTES = 16 * 1024 * 1024

/** Store paths as trees that can be read in any order, each listed once. */
export class StoredTrees implements AsyncDisposable {
  readonly #context: BuildContext
  readonly #trees = new Map<StorePath, Promise<StoredTree>>()
  #spool: Spool | undefined
  #fetching: Promise<unknown> = Promise.resolve()

  constructor(context: BuildContext) {
    this.#context = context
  }

  /** @throws {DockerToolsError} `STORE_PATH_MISSING`, `FILE_UNREADABLE`, and what the store throws. */
  tree(path: StorePath): Promise<StoredTree> {
    const known = this.#trees.get(path)
    if (known !== undefined) return known
    const listing = this.#list(path)
    this.#trees.set(path, listing)
    return listing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool?.[Symbol.asyncDispose]()
  }

  async #list(path: StorePath): Promise<StoredTree> {
    const { store, sources } = this.#context
    const physical = await store.realPath(path)
    if (physical !== undefined) {
      return indexed([...scanned(toByteString(physical), sources.isSource(path) ? canonicalMode : undefined)])
    }
    // The spool is one: paths go into it one after the other.
    const fetching = this.#fetching.then(() => this.#fetch(path))
    this.#fetching = fetching.catch(() => undefined)
    return indexed(await fetching)
  }

  async #fetch(path: StorePath): Promise<StoredEntry[]> {
    const spool = (this.#spool ??= makeSpool(SPOOL_MEMORY_BYTES))
    const entries: StoredEntry[] = []
    for await (const entry of this.#context.store.entries(path)) {
      if (entry.type !== 'file') {
        entries.push(entry)
        continue
      }
      const body = { kind: 'spool', spool, offset: spool.size } as const
      for await (const chunk of entry.open()) await spool.write(chunk)
      entries.push({ path: entry.path, mode: entry.mode, type: 'file', size: entry.size, body })
    }
    return entries
  }
}

/**
 * The files under a folder on disk.
 *
 * @param modeOf Gives each its mode; by default it is the one on disk.
 * @throws {DockerToolsError} as `scanTree`.
 */
export function* scanned(
  root: ByteString,
  modeOf: typeof canonicalMode = (entry) => entry.mode,
): Generator<StoredEntry> {
  for (const entry of scanTree(root, { order: 'bytes' })) {
    const { path } = entry
    const mode = modeOf(entry)
    const onDisk = (path === '' ? root : `${root}/${path}`) as ByteString
    switch (entry.type) {
      case 'file':
        yield {
          path,
          mode,
          type: 'file',
          size: entry.size,
          body: { kind: 'disk', path: onDisk, ctimeMs: entry.ctimeMs },
        }
        break
      case 'symlink':
        yield { path, mode, type: 'symlink', target: entry.target }
        break
      case 'char':
      case 'block':
        yield { path, mode, type: entry.type, major: entry.major, minor: entry.minor }
        break
      case 'directory':
      case 'fifo':
      case 'socket':
        yield { path, mode, type: entry.type }
    }
  }
}

function indexed(entries: readonly StoredEntry[]): StoredTree {
  let byPath: ReadonlyMap<ByteString, StoredEntry> | undefined
  let byFolder: ReadonlyMap<string, readonly StoredEntry[]> | undefined
  return {
    entries,
    get: (path) => (byPath ??= new Map(entries.map((entry) => [entry.path, entry]))).get(path),
    children: (path) => (byFolder ??= grouped(entries)).get(path) ?? [],
  }
}

function grouped(entries: readonly StoredEntry[]): ReadonlyMap<string, readonly StoredEntry[]> {
  const groups = new Map<string, StoredEntry[]>()
  for (const entry of entries) {
    if (entry.path === '') continue
    const slash = entry.path.lastIndexOf('/')
    const folder = slash === -1 ? '' : entry.path.slice(0, slash)
    const group = groups.get(folder)
    if (group === undefined) groups.set(folder, [entry])
    else group.push(entry)
  }
  return groups
}

/** What is said of an entry that no layer can hold. */
export function unsupportedEntry(path: ByteString, type: string): DockerToolsError {
  return new DockerToolsError(
    'FILE_TYPE_UNSUPPORTED',
    `Cannot put "${byteStringToText(path)}" into a layer: it is a ${type}`,
  )
}
