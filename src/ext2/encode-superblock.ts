import {
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  COMPATIBLE_FEATURES,
  DESCRIPTOR_BYTES,
  EXTRA_INODE_BYTES,
  INCOMPATIBLE_FEATURES,
  FIRST_INODE,
  INODE_BYTES,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_MAGIC,
  WRITER_FEATURES,
} from './ext2-format.ts'
import { type Geometry, groupTables } from './geometry.ts'

/** What is free in a group, and how many directories are in it. */
export interface GroupCounts {
  readonly freeBlocks: number
  readonly freeInodes: number
  readonly directories: number
}

/** 4096 is 1024 shifted by this. */
const BLOCK_SIZE_SHIFT = 2
const CLEAN = 1
const CONTINUE_ON_ERROR = 1
/** Revision with features and inodes of other sizes. */
const DYNAMIC_REVISION = 1
const HALF_MD4 = 1
const UNSIGNED_HASH = 2
/** Salt of the indexes in large directories. Any will do but zero; chance would show in the bytes. */
const HASH_SEED = Buffer.from('8f1d0e5a5b7c4d63a2b1946c37e05f28', 'hex')

/** The superblock of a clean file system. */
export function encodeSuperblock(geometry: Geometry, groups: readonly GroupCounts[]): Buffer {
  const bytes = Buffer.alloc(SUPERBLOCK_BYTES)
  const sum = (pick: (counts: GroupCounts) => number): number => groups.reduce((total, group) => total + pick(group), 0)
  bytes.writeUInt32LE(geometry.inodesPerGroup * geometry.groups, 0x0)
  bytes.writeUInt32LE(geometry.blocks, 0x4)
  bytes.writeUInt32LE(
    sum(({ freeBlocks }) => freeBlocks),
    0xc,
  )
  bytes.writeUInt32LE(
    sum(({ freeInodes }) => freeInodes),
    0x10,
  )
  bytes.writeUInt32LE(BLOCK_SIZE_SHIFT, 0x18)
  bytes.writeUInt32LE(BLOCK_SIZE_SHIFT, 0x1c)
  bytes.writeUInt32LE(BLOCKS_PER_GROUP, 0x20)
  bytes.writeUInt32LE(BLOCKS_PER_GROUP, 0x24)
  bytes.writeUInt32LE(geometry.inodesPerGroup, 0x28)
  bytes.writeUInt16LE(0xffff, 0x36)
  bytes.writeUInt16LE(SUPERBLOCK_MAGIC, 0x38)
  bytes.writeUInt16LE(CLEAN, 0x3a)
  bytes.writeUInt16LE(CONTINUE_ON_ERROR, 0x3c)
  bytes.writeUInt32LE(DYNAMIC_REVISION, 0x4c)
  bytes.writeUInt32LE(FIRST_INODE, 0x54)
  bytes.writeUInt16LE(INODE_BYTES, 0x58)
  bytes.writeUInt32LE(COMPATIBLE_FEATURES, 0x5c)
  bytes.writeUInt32LE(INCOMPATIBLE_FEATURES, 0x60)
  bytes.writeUInt32LE(WRITER_FEATURES, 0x64)
  HASH_SEED.copy(bytes, 0xec)
  bytes[0xfc] = HALF_MD4
  bytes.writeUInt16LE(EXTRA_INODE_BYTES, 0x15c)
  bytes.writeUInt16LE(EXTRA_INODE_BYTES, 0x15e)
  bytes.writeUInt32LE(UNSIGNED_HASH, 0x160)
  return bytes
}

/** Where the tables of each group are, and what is free in it. */
export function encodeDescriptors(geometry: Geometry, groups: readonly GroupCounts[]): Buffer {
  const bytes = Buffer.alloc(geometry.descriptorBlocks * BLOCK_BYTES)
  for (const [group, counts] of groups.entries()) {
    const tables = groupTables(geometry, group)
    const offset = group * DESCRIPTOR_BYTES
    bytes.writeUInt32LE(tables.blockBitmap, offset)
    bytes.writeUInt32LE(tables.inodeBitmap, offset + 4)
    bytes.writeUInt32LE(tables.inodeTable, offset + 8)
    bytes.writeUInt16LE(counts.freeBlocks, offset + 12)
    bytes.writeUInt16LE(counts.freeInodes, offset + 14)
    bytes.writeUInt16LE(counts.directories, offset + 16)
  }
  return bytes
}
