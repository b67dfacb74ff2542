import type { ByteString } from '#util'
import { type Listing, parseListed } from './listing.ts'
import type { ChangedEntry, OwnedEntry } from './runner.ts'

/** A changed file before its content is known. */
export type ChangedName =
  | Exclude<ChangedEntry, { readonly type: 'file' }>
  | Extract<OwnedEntry, { readonly type: 'file' }>

/**
 * What is different between two listings of one tree: files that were changed
 * or are new, the folders above them, and the names that are gone. A folder that is
 * another one than before is opaque, and all in it is new.
 *
 * @param before Empty where everything counts as new.
 * @param given Counts as changed whatever is told of it.
 * @returns In the order of a layer.
 */
export function compareListings(
  before: Listing,
  after: Listing,
  given: ReadonlySet<ByteString> = NOTHING,
): ChangedName[] {
  const changed = new Map<ByteString, ChangedName>()
  const opaque = new Set<ByteString>()
  const add = (path: ByteString, row: string): void => {
    const entry = named(path, row, before.get(path))
    changed.set(path, entry)
    if (entry.type === 'directory' && entry.isOpaque) opaque.add(path)
  }
  const addFolders = (path: ByteString): void => {
    for (let parent = parentOf(path); parent !== undefined && !changed.has(parent); parent = parentOf(parent)) {
      const row = after.get(parent)
      if (row !== undefined) add(parent, row)
    }
  }
  const root = after.get(ROOT)
  if (root !== undefined) add(ROOT, root)
  for (const [path, row] of after) {
    if (before.get(path) === row && !given.has(path) && !isBelow(path, opaque)) continue
    addFolders(path)
    add(path, row)
  }
  for (const path of before.keys()) {
    if (after.has(path)) continue
    const parent = parentOf(path) ?? ROOT
    const isFolderLeft = isFolder(before.get(parent)) && isFolder(after.get(parent))
    if (!isFolderLeft || isBelow(path, opaque)) continue
    addFolders(path)
    changed.set(path, { type: 'whiteout', path })
  }
  return sortChanges([...changed.values()])
}

const ROOT = '' as ByteString
const NOTHING: ReadonlySet<ByteString> = new Set()

/** In the order of a layer: each folder before what is in it, siblings by bytes. */
export function sortChanges<Entry extends { readonly path: ByteString }>(entries: readonly Entry[]): Entry[] {
  // No name has a NUL: what is in a folder comes before its longer-named siblings.
  const keyed = entries.map((entry) => ({ entry, key: entry.path.replaceAll('/', '\0') }))
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  return keyed.map(({ entry }) => entry)
}

function named(path: ByteString, row: string, before: string | undefined): ChangedName {
  const { entry, inode } = parseListed(path, row)
  if (entry.type !== 'directory') return entry
  const isOpaque = before !== undefined && (!isFolder(before) || parseListed(path, before).inode !== inode)
  return { ...entry, type: 'directory', isOpaque }
}

function isFolder(row: string | undefined): boolean {
  return row?.startsWith('d ') === true
}

/** Folders are listed before what is in them, so those above are known. */
function isBelow(path: ByteString, opaque: ReadonlySet<ByteString>): boolean {
  if (opaque.size === 0) return false
  for (let parent = parentOf(path); parent !== undefined; parent = parentOf(parent)) {
    if (opaque.has(parent)) return true
  }
  return false
}

/** The folder that a name is in; undefined for the root. */
export function parentOf(path: ByteString): ByteString | undefined {
  if (path === '') return undefined
  return path.slice(0, Math.max(0, path.lastIndexOf('/'))) as ByteString
}
