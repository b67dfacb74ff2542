import { DockerToolsError } from '#errors'
import { byteStringToText } from '#util'
import type { DiskBody, DiskEntry, DiskNode } from './disk-node.ts'
import { blocksOf, collectTree } from './disk-tree.ts'
import { DiskWriter } from './disk-writer.ts'
import { encodeDescriptors, encodeSuperblock } from './encode-superblock.ts'
import { BLOCK_BYTES, FIRST_INODE, SUPERBLOCK_OFFSET } from './ext2-format.ts'
import { fittingGeometry, fixedGeometry } from './geometry.ts'
import { NodeWriter } from './node-writer.ts'

/** What `writeExt2` needs of an open file. */
export interface DiskFile {
  readonly fd: number
  truncate(length: number): Promise<void>
}

/** How large the image is to be. */
export interface Ext2Options {
  /** Bytes of the image. Without it, it has what the entries need and hardly more. */
  readonly imageBytes?: number
}

/**
 * Writes an ext2 file system into a file, as an ordinary user can: owners and
 * devices are only numbers in it. Free space stays a hole in the file. The
 * bytes depend on the arguments alone.
 *
 * @param file Open for writing; what it holds is replaced.
 * @param entries The root first, each directory before what is in it.
 * @param bodies Contents and times, in any order, at most once each; a file that is not empty has to be there.
 * @throws {DockerToolsError} `FORMAT_INVALID` for entries out of order, `LIMIT_EXCEEDED` if they do not fit,
 *   `FILE_CHANGED` if a content is missing or does not have its size.
 */
export async function writeExt2(
  file: DiskFile,
  entries: Iterable<DiskEntry>,
  bodies: AsyncIterable<DiskBody> | Iterable<DiskBody>,
  options: Ext2Options = {},
): Promise<void> {
  const tree = collectTree(entries)
  const contentBlocks = tree.values().reduce((sum, node) => sum + blocksOf(node), 0)
  const geometry =
    options.imageBytes === undefined
      ? fittingGeometry(tree.size, contentBlocks)
      : fixedGeometry(options.imageBytes, tree.size, contentBlocks)
  await file.truncate(0)
  await file.truncate(geometry.blocks * BLOCK_BYTES)
  const disk = new DiskWriter(file.fd, geometry)
  const writer = new NodeWriter(disk, geometry)
  const missing = new Set<DiskNode>()
  for (const node of tree.values()) {
    if (node.entry.type === 'file' && node.entry.size > 0) missing.add(node)
    else writer.writeNode(node)
  }
  for await (const { path, mtimeSeconds, body } of bodies) {
    const node = tree.get(path)
    if (node === undefined) continue
    if (missing.delete(node)) await writer.writeFile(node, body())
    writer.setTime(node, mtimeSeconds)
  }
  for (const { entry } of missing) {
    throw new DockerToolsError(
      'FILE_CHANGED',
      `Cannot put "${byteStringToText(entry.path)}" on a disk: its content is not there`,
    )
  }
  writer.finish()
  const groups = disk.writeBitmaps(FIRST_INODE + tree.size - 2, (group) => writer.directoriesIn(group))
  disk.put(SUPERBLOCK_OFFSET, encodeSuperblock(geometry, groups))
  disk.put(BLOCK_BYTES, encodeDescriptors(geometry, groups))
  disk.flush()
}
