import type { MemberMeta, TarEntry } from '#tar'
import type { TreeEntry } from '#tree'

/**
 * The archive member for a file of a tree.
 *
 * @returns Undefined for a socket: no archive can hold one.
 */
export function toTarEntry(entry: TreeEntry, meta: MemberMeta): TarEntry | undefined {
  switch (entry.type) {
    case 'file':
      return { ...meta, type: 'file', size: entry.size, open: () => entry.open() }
    case 'symlink':
      return { ...meta, type: 'symlink', target: entry.target }
    case 'directory':
    case 'fifo':
      return { ...meta, type: entry.type }
    case 'char':
    case 'block':
      return { ...meta, type: entry.type, major: entry.major, minor: entry.minor }
    case 'socket':
      return undefined
  }
}
