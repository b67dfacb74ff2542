import { DockerToolsError } from '#errors'
import type { ChangedEntry, OwnedEntry } from '#runner'
import { type ByteString, byteStringToText, compareByteStrings, toByteString } from '#util'

const FOLDER_MODE = 0o755

/** Folders that a script sees something of the machine in. */
const SYSTEM_FOLDERS = ['dev', 'proc', 'sys'] as const

/**
 * The folders that are missing where something is to be mounted, as `mkdir -p`
 * makes them.
 *
 * @param trees What is there, lowest first.
 * @param others Names that need not be folders, if there is something.
 * @throws {DockerToolsError} `PATH_UNSAFE` where something else than a folder is in the way.
 */
export function missingMountPoints(
  trees: readonly (readonly OwnedEntry[])[],
  storeDir: string,
  others: readonly string[] = [],
): OwnedEntry[] {
  const wanted = [...SYSTEM_FOLDERS, ...foldersOf(storeDir), ...others].map(toByteString)
  const isWanted = new Set(wanted)
  const types = new Map<ByteString, OwnedEntry['type']>()
  for (const entries of trees) for (const { path, type } of entries) if (isWanted.has(path)) types.set(path, type)
  const missing: OwnedEntry[] = []
  for (const path of wanted) {
    const type = types.get(path)
    if (type === undefined) missing.push({ path, mode: FOLDER_MODE, uid: 0, gid: 0, type: 'directory' })
    else if (type !== 'directory' && !others.includes(path)) {
      throw new DockerToolsError(
        'PATH_UNSAFE',
        `Cannot run a script in the image: its "/${byteStringToText(path)}" is a ${type}, it should be a folder`,
      )
    }
  }
  return missing
}

/**
 * Does what `rmdir --ignore-fail-on-non-empty` does to the folders that
 * something was mounted on: they stay only where something is in them.
 *
 * @param base What was there before the script, without what is hidden.
 */
export function removeMountPoints(
  changes: readonly ChangedEntry[],
  base: readonly OwnedEntry[],
  storeDir: string,
): ChangedEntry[] {
  const [parent, store] = foldersOf(storeDir).slice(-2)
  const folders = [...SYSTEM_FOLDERS, ...(store === undefined ? [parent] : [store, parent])]
  const known = new Set(base.map((entry) => entry.path))
  const entries = new Map(changes.map((entry) => [entry.path, entry]))
  for (const folder of folders) {
    if (folder !== undefined) removeIfEmpty(toByteString(folder), entries, known)
  }
  return [...entries.values()].toSorted((a, b) =>
    compareByteStrings(a.path.replaceAll('/', '\0') as ByteString, b.path.replaceAll('/', '\0') as ByteString),
  )
}

function removeIfEmpty(
  folder: ByteString,
  entries: Map<ByteString, ChangedEntry>,
  base: ReadonlySet<ByteString>,
): void {
  const own = entries.get(folder)
  if (own !== undefined && own.type !== 'directory') return
  const below = `${folder}/`
  const changed = [...entries.values()].filter((entry) => entry.path.startsWith(below))
  if (changed.some((entry) => entry.type !== 'whiteout')) return
  const gone = new Set(changed.map((entry) => entry.path))
  const isOpaque = own?.type === 'directory' && own.isOpaque
  const isLeft = (path: ByteString): boolean => path.startsWith(below) && !gone.has(topBelow(path, below))
  if (!isOpaque && [...base].some(isLeft)) return
  for (const { path } of changed) entries.delete(path)
  entries.delete(folder)
  if (base.has(folder)) entries.set(folder, { type: 'whiteout', path: folder })
}

/** The name directly in a folder that a path leads through. */
function topBelow(path: ByteString, below: string): ByteString {
  const slash = path.indexOf('/', below.length)
  return (slash === -1 ? path : path.slice(0, slash)) as ByteString
}

/** `nix` and `nix/store`. */
export function foldersOf(storeDir: string): string[] {
  const parts = storeDir.split('/').filter((part) => part !== '')
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
}
