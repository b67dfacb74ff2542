import type { ByteString } from '#util'
import type { ListedFile } from './listing.ts'
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
 * @returns In the order of a layer.
 */
export function compareListings(
  before: ReadonlyMap<ByteString, ListedFile>,
  after: ReadonlyMap<ByteString, ListedFile>,
): ChangedName[] {
  const changed = new Map<ByteString, ChangedName>()
  const addFolders = (path: ByteString): void => {
    for (let parent = parentOf(path); parent !== undefined && !changed.has(parent); parent = parentOf(parent)) {
      const listed = after.get(parent)
      if (listed !== undefined) changed.set(parent, named(listed, before.get(parent)))
    }
  }
  const root = after.get('' as ByteString)
  if (root !== undefined) changed.set(root.entry.path, named(root, before.get(root.entry.path)))
  for (const [path, listed] of after) {
    const known = before.get(path)
    if (known?.fingerprint === listed.fingerprint && !isBelowOpaque(path, changed)) continue
    addFolders(path)
    changed.set(path, named(listed, known))
  }
  for (const path of before.keys()) {
    if (after.has(path)) continue
    const parent = parentOf(path) ?? ('' as ByteString)
    const isFolderLeft = before.get(parent)?.entry.type === 'directory' && after.get(parent)?.entry.type === 'directory'
    if (!isFolderLeft || isBelowOpaque(path, changed)) continue
    addFolders(path)
    changed.set(path, { type: 'whiteout', path })
  }
  return sortChanges([...changed.values()])
}

/** In the order of a layer: each folder before what is in it, siblings by bytes. */
export function sortChanges<Entry extends { readonly path: ByteString }>(entries: readonly Entry[]): Entry[] {
  // No name has a NUL: what is in a folder comes before its longer-named siblings.
  const keyed = entries.map((entry) => ({ entry, key: entry.path.replaceAll('/', '\0') }))
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  return keyed.map(({ entry }) => entry)
}

function named({ entry, inode }: ListedFile, before: ListedFile | undefined): ChangedName {
  if (entry.type !== 'directory') return entry
  const isOpaque = before !== undefined && (before.entry.type !== 'directory' || before.inode !== inode)
  return { ...entry, type: 'directory', isOpaque }
}

/** Folders are listed before what is in them, so those above are known. */
function isBelowOpaque(path: ByteString, changed: ReadonlyMap<ByteString, ChangedName>): boolean {
  for (let parent = parentOf(path); parent !== undefined; parent = parentOf(parent)) {
    const entry = changed.get(parent)
    if (entry?.type === 'directory' && entry.isOpaque) return true
  }
  return false
}

/** The folder that a name is in; undefined for the root. */
export function parentOf(path: ByteString): ByteString | undefined {
  if (path === '') return undefined
  return path.slice(0, Math.max(0, path.lastIndexOf('/'))) as ByteString
}
