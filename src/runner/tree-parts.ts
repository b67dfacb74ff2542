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
  const bytes = tree.entries.reduce((sum, entry) => sum + bytesOf(entry), 0)
  if (bytes < WORTH_BYTES) return [tree.tar()]
  let early = 0
  for (let sum = 0; sum < bytes / 2; early++) sum += bytesOf(tree.entries[early])
  return [
    tree.tar((entry, index) => !isFolder(entry) && index < early),
    tree.tar((entry, index) => !isFolder(entry) && index >= early),
    tree.tar(isFolder),
  ]
}

function isFolder(entry: OwnedEntry): boolean {
  return entry.type === 'directory'
}

/** With its header: many small files take as long as a large one. */
function bytesOf(entry: OwnedEntry | undefined): number {
  return BLOCK_BYTES + (entry?.type === 'file' ? entry.size : 0)
}
