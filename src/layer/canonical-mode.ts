import type { TreeEntry } from '#tree'

/** The mode that a file of this kind has in a Nix store. */
export function canonicalMode(entry: Pick<TreeEntry, 'type' | 'mode'>): number {
  if (entry.type === 'symlink') return 0o777
  if (entry.type === 'directory') return 0o555
  return (entry.mode & 0o100) === 0 ? 0o444 : 0o555
}
