/**
 * File systems in files: an ext2 image written from entries and read back, by
 * an ordinary user and without mounting, owners, devices and extended
 * attributes included. Knows nothing of guests or images.
 *
 * @see https://www.kernel.org/doc/html/latest/filesystems/ext4/index.html
 */
export type { DiskBody, DiskEntry } from './disk-node.ts'
export { type DiskFile, type Ext2Options, writeExt2 } from './write-ext2.ts'
export { DEFAULT_EXT2_LIMITS, type Ext2Limits, readExt2, type StoredDiskEntry } from './read-ext2.ts'
