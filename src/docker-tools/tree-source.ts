import { DockerToolsError } from '#errors'
import { type PackedMember, packMembers } from '#layer'
import type { OwnedEntry, TreeSource } from '#runner'
import { endOfArchive } from '#tar'
import type { ByteString } from '#util'

/**
 * Members of a layer as a tree that a runner takes. Hard links have been followed.
 *
 * @param verified What the tar's end waits for: where it rejects, the tar has none, and nothing runs on what was in it.
 */
export function treeSource(members: readonly PackedMember[], verified?: Promise<void>): TreeSource {
  const entries = members.map(({ header }) => ownedEntry(header))
  return {
    entries,
    tar: async function* tar(only) {
      let size = 0
      const packed =
        only === undefined ? members : members.filter((_, index) => only(entries[index] as OwnedEntry, index))
      for await (const chunk of packMembers(packed, 'measure')) {
        size += chunk.length
        yield chunk
      }
      await verified
      yield endOfArchive(size)
    },
  }
}

/** In the order of GNU tar's `--sort=name`: each folder before what is in it. */
export function sortMembers(members: readonly PackedMember[]): PackedMember[] {
  // No name has a NUL in it: so a folder's content stands before a longer name of the folder's beginning.
  const keyed = members.map((member) => ({ member, key: member.header.path.replaceAll('/', '\0') }))
  return keyed.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ member }) => member)
}

function ownedEntry(header: PackedMember['header']): OwnedEntry {
  const { mode, uid, gid } = header
  const meta = { path: (header.path === '.' ? '' : header.path.slice(2)) as ByteString, mode, uid, gid }
  switch (header.type) {
    case 'file':
      return { ...meta, type: 'file', size: header.size }
    case 'symlink':
      return { ...meta, type: 'symlink', target: header.target }
    case 'char':
    case 'block':
      return { ...meta, type: header.type, major: header.major, minor: header.minor }
    case 'directory':
    case 'fifo':
      return { ...meta, type: header.type }
    case 'hardlink':
      throw new DockerToolsError('INTERNAL', `Cannot hand "${meta.path}" to a script: it is a hard link`)
  }
}
