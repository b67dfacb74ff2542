import { report } from '#events'
import type { PackedMember } from '#layer'
import { BUILD_EPOCH_SECONDS, type ChangedEntry } from '#runner'
import { type ByteString, byteStringToText } from '#util'
import { sortMembers } from './tree-source.ts'

/** A name that hides one of the layers below has this in front. */
const WHITEOUT_PREFIX = '.wh.'
/** Hides all that the layers below have in a folder. */
const OPAQUE_MARKER = '.wh..wh..opq'
const MARKER_MODE = 0o644

/**
 * What a script has changed, as members of a layer: names that are gone become
 * whiteouts, folders that are others now opaque.
 *
 * @param ownerName What a number is called in the layer.
 */
export function changedMembers(
  entries: readonly ChangedEntry[],
  ownerName: (id: number) => ByteString,
): PackedMember[] {
  const members: PackedMember[] = []
  const root = { uid: 0, gid: 0, uname: ownerName(0), gname: ownerName(0), mtimeSeconds: BUILD_EPOCH_SECONDS }
  const marker = (folder: ByteString, name: string): void => {
    const path = memberPath((folder === '' ? name : `${folder}/${name}`) as ByteString)
    members.push({ header: { ...root, path, mode: MARKER_MODE, type: 'file', size: 0 } })
  }
  for (const entry of entries) {
    if (entry.type === 'whiteout') {
      const slash = entry.path.lastIndexOf('/')
      marker(entry.path.slice(0, Math.max(0, slash)) as ByteString, `${WHITEOUT_PREFIX}${entry.path.slice(slash + 1)}`)
      continue
    }
    const { path, mode, uid, gid } = entry
    const meta = { ...root, path: memberPath(path), mode, uid, gid, uname: ownerName(uid), gname: ownerName(gid) }
    switch (entry.type) {
      case 'file':
        members.push({ header: { ...meta, type: 'file', size: entry.size }, body: entry.body })
        break
      case 'symlink':
        members.push({ header: { ...meta, type: 'symlink', target: entry.target } })
        break
      case 'char':
      case 'block':
        members.push({ header: { ...meta, type: entry.type, major: entry.major, minor: entry.minor } })
        break
      case 'socket':
        // As GNU tar, which says so and goes on: nothing in an image could use a socket.
        report({
          type: 'warning',
          code: 'SOCKET_SKIPPED',
          message: `the socket "${byteStringToText(meta.path)}" is left out of the layer`,
        })
        break
      case 'directory':
        members.push({ header: { ...meta, type: 'directory' } })
        if (entry.isOpaque) marker(path, OPAQUE_MARKER)
        break
      case 'fifo':
        members.push({ header: { ...meta, type: 'fifo' } })
    }
  }
  // Whiteouts have other names than what they hide, and stand where those belong.
  return sortMembers(members)
}

function memberPath(path: ByteString): ByteString {
  return (path === '' ? '.' : `./${path}`) as ByteString
}
