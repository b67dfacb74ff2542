import { DockerToolsError } from '#errors'
import { type ByteString, byteStringToText } from '#util'
import type { DiskEntry, DiskNode } from './disk-node.ts'
import { directorySize } from './encode-directory.ts'
import {
  BLOCK_BYTES,
  DIRECT_BLOCKS,
  FIRST_INODE,
  INLINE_TARGET_BYTES,
  MAX_NAME_BYTES,
  POINTERS_PER_BLOCK,
  ROOT_INODE,
} from './ext2-format.ts'

/**
 * Gives every entry an inode.
 *
 * @param entries The root first, each directory before what is in it.
 * @returns The files by their paths, in the order of the inodes.
 * @throws {DockerToolsError} `FORMAT_INVALID` for an entry whose directory is not there before it, or that is
 *   there twice; `LIMIT_EXCEEDED` for a name that is longer than any file system here takes.
 */
export function collectTree(entries: Iterable<DiskEntry>): ReadonlyMap<ByteString, DiskNode> {
  const nodes = new Map<ByteString, DiskNode>()
  for (const entry of entries) {
    const children = entry.type === 'directory' ? new Map<ByteString, DiskNode>() : undefined
    if (nodes.size === 0) {
      if (entry.path !== '' || children === undefined) throw broken(entry, 'the first entry should be the root')
      nodes.set(entry.path, { entry, inode: ROOT_INODE, children, parent: undefined })
      continue
    }
    const slash = entry.path.lastIndexOf('/')
    const parent = nodes.get((slash < 0 ? '' : entry.path.slice(0, slash)) as ByteString)
    const name = entry.path.slice(slash + 1) as ByteString
    if (name === '' || name === '.' || name === '..') throw broken(entry, 'it should have a name')
    if (parent?.children === undefined) throw broken(entry, 'its directory should come before it')
    if (nodes.has(entry.path)) throw broken(entry, 'it should be there once')
    if (name.length > MAX_NAME_BYTES) {
      throw new DockerToolsError(
        'LIMIT_EXCEEDED',
        `Cannot put "${byteStringToText(entry.path)}" on a disk: its name has ${name.length} bytes, the most is ${MAX_NAME_BYTES}`,
      )
    }
    const node = { entry, inode: FIRST_INODE + nodes.size - 1, children, parent }
    parent.children.set(name, node)
    nodes.set(entry.path, node)
  }
  if (nodes.size === 0) throw new DockerToolsError('FORMAT_INVALID', 'Cannot make a disk: it should have a root')
  return nodes
}

/** How many blocks a file takes, those with block numbers included. */
export function blocksOf(node: DiskNode): number {
  const data = Math.ceil(contentBytes(node) / BLOCK_BYTES)
  return data + indirectBlocks(data)
}

/** How many bytes stand in a file's own blocks. */
export function contentBytes(node: DiskNode): number {
  const { entry } = node
  if (entry.type === 'file') return entry.size
  if (entry.type === 'symlink') return entry.target.length < INLINE_TARGET_BYTES ? 0 : entry.target.length
  return node.children === undefined ? 0 : directorySize(node)
}

/** Blocks with block numbers that so many blocks of content need. */
function indirectBlocks(data: number): number {
  let count = 0
  let rest = data - DIRECT_BLOCKS
  for (let reach = POINTERS_PER_BLOCK; rest > 0; reach *= POINTERS_PER_BLOCK) {
    const here = Math.min(rest, reach)
    for (let perBlock = POINTERS_PER_BLOCK; perBlock <= reach; perBlock *= POINTERS_PER_BLOCK) {
      count += Math.ceil(here / perBlock)
    }
    rest -= here
  }
  return count
}

function broken({ path }: DiskEntry, what: string): DockerToolsError {
  return new DockerToolsError('FORMAT_INVALID', `Cannot put "${byteStringToText(path)}" on a disk: ${what}`)
}
