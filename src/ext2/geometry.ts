import { DockerToolsError } from '#errors'
import {
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  DESCRIPTOR_BYTES,
  FIRST_INODE,
  INODES_PER_BLOCK,
  MAX_IMAGE_BYTES,
} from './ext2-format.ts'

/** How an image is cut up: groups of blocks, each beginning with its own tables. */
export interface Geometry {
  readonly groups: number
  readonly blocks: number
  readonly inodesPerGroup: number
  readonly inodeTableBlocks: number
  readonly descriptorBlocks: number
}

/** The tables of a group, as block numbers. */
export interface GroupTables {
  readonly start: number
  readonly blockBitmap: number
  readonly inodeBitmap: number
  readonly inodeTable: number
  /** The first block behind the tables. */
  readonly firstFree: number
  /** One past the last. */
  readonly end: number
}

/** As many inodes for the size as `mke2fs` gives, and some more where it is small. */
const BYTES_PER_INODE = 16 * 1024
const SPARE_INODES = 1024

/** The smallest geometry that holds so many inodes, the format's own not counted, and blocks of content. */
export function fittingGeometry(inodes: number, contentBlocks: number): Geometry {
  let groups = Math.max(1, Math.ceil(contentBlocks / BLOCKS_PER_GROUP))
  for (;;) {
    const geometry = makeGeometry(groups * BLOCKS_PER_GROUP, inodes + FIRST_INODE)
    const spare = freeBlocks(geometry) - contentBlocks
    // With one group fewer it did not fit, so that the last one keeps some of its blocks.
    if (spare >= 0) return { ...geometry, blocks: geometry.blocks - spare }
    groups++
  }
}

/**
 * The geometry of an image of this size, with room for more files than there are yet.
 *
 * @throws {DockerToolsError} `LIMIT_EXCEEDED` if what has to be in it does not fit.
 */
export function fixedGeometry(imageBytes: number, inodes: number, contentBlocks: number): Geometry {
  const blocks = Math.floor(imageBytes / BLOCK_BYTES)
  const wanted = Math.max(inodes + FIRST_INODE, Math.floor(imageBytes / BYTES_PER_INODE) + SPARE_INODES)
  const geometry = makeGeometry(blocks, wanted)
  if (freeBlocks(geometry) >= contentBlocks) return geometry
  const needed = contentBlocks + blocks - freeBlocks(geometry)
  throw new DockerToolsError(
    'LIMIT_EXCEEDED',
    `Cannot make a disk of ${toMiB(imageBytes)} MiB: its content needs ${toMiB(needed * BLOCK_BYTES)} MiB`,
  )
}

/** Where the tables of a group are. The first group begins with the superblock and the descriptors of all. */
export function groupTables(geometry: Geometry, group: number): GroupTables {
  const start = group * BLOCKS_PER_GROUP
  const blockBitmap = start + (group === 0 ? 1 + geometry.descriptorBlocks : 0)
  const inodeTable = blockBitmap + 2
  return {
    start,
    blockBitmap,
    inodeBitmap: blockBitmap + 1,
    inodeTable,
    firstFree: inodeTable + geometry.inodeTableBlocks,
    end: Math.min(start + BLOCKS_PER_GROUP, geometry.blocks),
  }
}

function makeGeometry(blocks: number, inodes: number): Geometry {
  if (blocks * BLOCK_BYTES > MAX_IMAGE_BYTES) {
    throw new DockerToolsError(
      'LIMIT_EXCEEDED',
      `Cannot make a disk of ${toMiB(blocks * BLOCK_BYTES)} MiB: the most is ${toMiB(MAX_IMAGE_BYTES)} MiB`,
    )
  }
  const groups = Math.max(1, Math.ceil(blocks / BLOCKS_PER_GROUP))
  const inodeTableBlocks = Math.ceil(inodes / groups / INODES_PER_BLOCK)
  const descriptorBlocks = Math.ceil((groups * DESCRIPTOR_BYTES) / BLOCK_BYTES)
  const geometry = {
    groups,
    blocks,
    inodesPerGroup: inodeTableBlocks * INODES_PER_BLOCK,
    inodeTableBlocks,
    descriptorBlocks,
  }
  // A last group that cannot even hold its tables is left away.
  const last = groupTables(geometry, groups - 1)
  if (groups > 1 && last.end <= last.firstFree) return makeGeometry((groups - 1) * BLOCKS_PER_GROUP, inodes)
  return geometry
}

function freeBlocks(geometry: Geometry): number {
  let free = 0
  for (let group = 0; group < geometry.groups; group++) {
    const { end, firstFree } = groupTables(geometry, group)
    free += Math.max(0, end - firstFree)
  }
  return free
}

function toMiB(bytes: number): number {
  return Math.ceil(bytes / 1024 ** 2)
}
