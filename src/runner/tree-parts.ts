import type { OwnedEntry, TreeSource } from './runner.ts'

/** Less is unpacked before a second program would have started. */
const WORTH_BYTES = 16 * 1024 * 1024
const BLOCK_BYTES = 512

/**
 * A tree as tars that are unpacked into one folder: all of it, or where there is much, two with half of the files each,
 * to be unpacked at the same time, and one with the folders, to be unpacked after them, as whoever unpacks a file in a
 * folder that is not there makes one up.
 */
export function treeParts(tree: TreeSource): readonly AsyncIterable<Uint8Array>[] {
  const ends = new Map<OwnedEntry, number>()
  let bytes = 0
  for (const entry of tree.entries) {
    bytes += BLOCK_BYTES + (entry.type === 'file' ? entry.size : 0)
    ends.set(entry, bytes)
  }
  if (bytes < WORTH_BYTES) return [tree.tar()]
  const isFolder = (entry: OwnedEntry): boolean => entry.type === 'directory'
  const isEarly = (entry: OwnedEntry): boolean => (ends.get(entry) ?? 0) <= bytes / 2
  return [
    tree.tar((entry) => !isFolder(entry) && isEarly(entry)),
    tree.tar((entry) => !isFolder(entry) && !isEarly(entry)),
    tree.tar(isFolder),
  ]
}
