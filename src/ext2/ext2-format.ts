import type { DiskEntry } from './disk-node.ts'

/**
 * Numbers of the format, for the one shape of it that is written here: blocks
 * of 4 KiB, inodes of 256 bytes, no journal, no extents.
 *
 * @see https://www.kernel.org/doc/html/latest/filesystems/ext4/globals.html
 */
export const BLOCK_BYTES = 4096
export const INODE_BYTES = 256
/** What of an inode is not left to extended attributes: the 128 old bytes and the fields added since. */
export const EXTRA_INODE_BYTES = 32
export const OLD_INODE_BYTES = 128
export const BLOCKS_PER_GROUP: number = BLOCK_BYTES * 8
export const INODES_PER_BLOCK: number = BLOCK_BYTES / INODE_BYTES
/** Block numbers in one block of them. */
export const POINTERS_PER_BLOCK: number = BLOCK_BYTES / 4
export const DIRECT_BLOCKS = 12
export const DESCRIPTOR_BYTES = 32
export const SUPERBLOCK_OFFSET = 1024
export const SUPERBLOCK_BYTES = 1024
export const SUPERBLOCK_MAGIC = 0xef53
export const ROOT_INODE = 2
/** Inodes below this are the format's own. */
export const FIRST_INODE = 11
/** Targets of fewer bytes stand in the inode itself. */
export const INLINE_TARGET_BYTES = 60
/** The kernel gives no directory or file more names than this. */
export const MAX_LINKS = 65_000
export const MAX_NAME_BYTES = 255
/** Block numbers have 32 bits; a round number below their end. */
export const MAX_IMAGE_BYTES: number = 8 * 1024 ** 4

/**
 * Optional features a reader need not know: extended attributes (8), indexed
 * directories (0x20), superblock copies only where it is said, which is nowhere (0x200).
 */
export const COMPATIBLE_FEATURES = 0x228
/** What a reader has to know: the type of a file stands in its directory too. */
export const INCOMPATIBLE_FEATURES = 0x2
/** What a writer has to know: files above 2 GiB (2), very many directories in one (0x20), longer inodes (0x40). */
export const WRITER_FEATURES = 0x62

/** The upper bits of `i_mode`, and the number in a directory. */
export interface FileType {
  readonly mode: number
  readonly inDirectory: number
}

export const FILE_TYPES: Readonly<Record<DiskEntry['type'], FileType>> = {
  fifo: { mode: 0o010000, inDirectory: 5 },
  char: { mode: 0o020000, inDirectory: 3 },
  directory: { mode: 0o040000, inDirectory: 2 },
  block: { mode: 0o060000, inDirectory: 4 },
  file: { mode: 0o100000, inDirectory: 1 },
  symlink: { mode: 0o120000, inDirectory: 7 },
  socket: { mode: 0o140000, inDirectory: 6 },
}
