import type { MemberMeta } from '#tar'
import { type ByteSink, type ByteString, toByteString } from '#util'
import { archiveMembers, type ArchiveDirectory } from './archive-tree.ts'
import { ArchiveWriter } from './archive-writer.ts'

/**
 * Writes a tree as upstream's `tar --sort=name --owner=0 --group=0` does, names
 * without `./` but for the root's.
 *
 * @param mtimeSeconds Time of every member, seconds since 1970.
 * @returns Bytes written.
 * @throws {DockerToolsError} `FILE_CHANGED` if a body has not the size it should have, and what bodies throw.
 */
export async function writeArchiveTree(
  root: ArchiveDirectory,
  mtimeSeconds: number,
  sink: ByteSink,
  signal?: AbortSignal,
): Promise<number> {
  const writer = new ArchiveWriter(sink, 'gnu')
  const owner = toByteString('root')
  for (const { path, node } of archiveMembers(root)) {
    signal?.throwIfAborted()
    const mode = node.type === 'symlink' ? 0o777 : node.mode
    const meta: MemberMeta = { path, mode, uid: 0, gid: 0, uname: owner, gname: owner, mtimeSeconds }
    if (node.type === 'file') {
      await writer.member({ ...meta, type: 'file', size: node.size }, async (body) => {
        for await (const chunk of node.open()) await body.write(chunk)
      })
    } else if (node.type === 'directory') await writer.entry({ ...meta, type: 'directory' })
    else await writer.entry({ ...meta, type: 'symlink', target: transformed(node.target) })
  }
  await writer.end()
  return writer.size
}

/** Upstream's `--xform s:'^./'::` takes the dot for any character, and is applied to the targets of links too. */
function transformed(target: ByteString): ByteString {
  return target.replace(/^.\//s, '') as ByteString
}
