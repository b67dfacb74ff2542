import { byteStringToBytes } from '#util'
import type { DiskNode } from './disk-node.ts'
import { contentBytes } from './disk-tree.ts'
import {
  BLOCK_BYTES,
  EXTRA_INODE_BYTES,
  FILE_TYPES,
  INLINE_TARGET_BYTES,
  MAX_LINKS,
  OLD_INODE_BYTES,
} from './ext2-format.ts'

/** `i_blocks` counts these. */
const SECTOR_BYTES = 512
const POINTERS_OFFSET = 0x28
const LATEST_SECONDS = 2 ** 31 - 1

/**
 * One inode, into the 256 bytes for it. Its times are 1970 until they are set.
 *
 * @param bytes All zero.
 * @param pointers What stands in it of block numbers, up to fifteen.
 * @param blocks How many blocks the file has, those with block numbers included.
 */
export function encodeInode(bytes: Buffer, node: DiskNode, pointers: readonly number[], blocks: number): void {
  const { entry } = node
  bytes.writeUInt16LE(FILE_TYPES[entry.type].mode + entry.mode, 0x0)
  writeOwner(bytes, entry.uid, 0x2, 0x78)
  writeOwner(bytes, entry.gid, 0x18, 0x7a)
  const size = entry.type === 'symlink' ? entry.target.length : contentBytes(node)
  bytes.writeUInt32LE(size % 2 ** 32, 0x4)
  bytes.writeUInt32LE(Math.floor(size / 2 ** 32), 0x6c)
  bytes.writeUInt16LE(linkCount(node), 0x1a)
  const sectors = blocks * (BLOCK_BYTES / SECTOR_BYTES)
  bytes.writeUInt32LE(sectors % 2 ** 32, 0x1c)
  for (const [index, block] of pointers.entries()) bytes.writeUInt32LE(block, POINTERS_OFFSET + index * 4)
  if (entry.type === 'symlink' && entry.target.length < INLINE_TARGET_BYTES) {
    byteStringToBytes(entry.target).copy(bytes, POINTERS_OFFSET)
  } else if (entry.type === 'char' || entry.type === 'block') writeDevice(bytes, entry.major, entry.minor)
  bytes.writeUInt16LE(EXTRA_INODE_BYTES, OLD_INODE_BYTES)
}

/** All times of an inode; what 31 bits cannot hold becomes what is nearest. */
export function encodeTime(bytes: Buffer, mtimeSeconds: number): void {
  const seconds = Math.max(0, Math.min(LATEST_SECONDS, Math.floor(mtimeSeconds)))
  for (const offset of [0x8, 0xc, 0x10, 0x90]) bytes.writeUInt32LE(seconds, offset)
}

function linkCount(node: DiskNode): number {
  if (node.children === undefined) return 1
  let count = 2
  for (const child of node.children.values()) if (child.children !== undefined) count++
  // What the kernel writes when there are too many to be counted.
  return count > MAX_LINKS ? 1 : count
}

function writeOwner(bytes: Buffer, id: number, low: number, high: number): void {
  bytes.writeUInt16LE(id % 2 ** 16, low)
  bytes.writeUInt16LE(Math.floor(id / 2 ** 16), high)
}

/** Small numbers stand in the first place for block numbers, others in the second, as Linux packs them. */
function writeDevice(bytes: Buffer, major: number, minor: number): void {
  if (major < 256 && minor < 256) bytes.writeUInt32LE(major * 256 + minor, POINTERS_OFFSET)
  else {
    const packed = (minor % 256) + major * 256 + Math.floor(minor / 256) * 2 ** 20
    bytes.writeUInt32LE(packed, POINTERS_OFFSET + 4)
  }
}
