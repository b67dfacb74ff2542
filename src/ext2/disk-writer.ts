import { writeSync } from 'node:fs'
import type { GroupCounts } from './encode-superblock.ts'
import { BLOCK_BYTES, BLOCKS_PER_GROUP, FIRST_INODE } from './ext2-format.ts'
import { type Geometry, groupTables } from './geometry.ts'

/** Blocks that follow each other. */
export interface BlockRun {
  readonly first: number
  readonly count: number
}

const BUFFER_BYTES = 1024 * 1024

/** Hands out blocks in ascending order, around the tables of the groups, and writes in large pieces. */
export class DiskWriter {
  readonly #fd: number
  readonly #geometry: Geometry
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  #bufferOffset = 0
  #buffered = 0
  #next: number

  constructor(fd: number, geometry: Geometry) {
    this.#fd = fd
    this.#geometry = geometry
    this.#next = groupTables(geometry, 0).firstFree
  }

  /** The next `count` blocks. There are as many: the geometry was made for them. */
  *allocate(count: number): Generator<BlockRun> {
    let rest = count
    while (rest > 0) {
      const { firstFree, end } = groupTables(this.#geometry, Math.floor(this.#next / BLOCKS_PER_GROUP))
      const first = Math.max(this.#next, firstFree)
      const length = Math.min(rest, end - first)
      if (length > 0) yield { first, count: length }
      this.#next = first + length === end ? end : first + length
      rest -= length
    }
  }

  /** Writes at an offset; what follows on what was written before joins it. */
  put(offset: number, bytes: Uint8Array): void {
    if (offset !== this.#bufferOffset + this.#buffered || this.#buffered + bytes.length > BUFFER_BYTES) this.flush()
    if (bytes.length >= BUFFER_BYTES) {
      writeFully(this.#fd, bytes, offset)
      return
    }
    if (this.#buffered === 0) this.#bufferOffset = offset
    this.#buffer.set(bytes, this.#buffered)
    this.#buffered += bytes.length
  }

  flush(): void {
    writeFully(this.#fd, this.#buffer.subarray(0, this.#buffered), this.#bufferOffset)
    this.#bufferOffset += this.#buffered
    this.#buffered = 0
  }

  /** Writes which blocks and inodes are in use, and gives the counts: all up to the last one handed out. */
  writeBitmaps(lastInode: number, directoriesIn: (group: number) => number): readonly GroupCounts[] {
    const groups: GroupCounts[] = []
    const { inodesPerGroup } = this.#geometry
    for (let group = 0; group < this.#geometry.groups; group++) {
      const { start, firstFree, end, blockBitmap, inodeBitmap } = groupTables(this.#geometry, group)
      const usedBlocks = Math.min(end, Math.max(firstFree, this.#next)) - start
      const usedInodes = Math.min(
        inodesPerGroup,
        Math.max(0, Math.max(lastInode, FIRST_INODE - 1) - group * inodesPerGroup),
      )
      this.put(blockBitmap * BLOCK_BYTES, bitmap(usedBlocks, end - start))
      this.put(inodeBitmap * BLOCK_BYTES, bitmap(usedInodes, inodesPerGroup))
      groups.push({
        freeBlocks: end - start - usedBlocks,
        freeInodes: inodesPerGroup - usedInodes,
        directories: directoriesIn(group),
      })
    }
    return groups
  }
}

/** The first `used` bits set, and those behind `total`, which stand for nothing. */
function bitmap(used: number, total: number): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES)
  setBits(bytes, 0, used)
  setBits(bytes, total, BLOCK_BYTES * 8)
  return bytes
}

function setBits(bytes: Buffer, from: number, to: number): void {
  let bit = from
  for (; bit < to && bit % 8 !== 0; bit++) setBit(bytes, bit)
  const whole = Math.floor((to - bit) / 8)
  if (whole > 0) bytes.fill(0xff, bit / 8, bit / 8 + whole)
  for (bit += Math.max(0, whole) * 8; bit < to; bit++) setBit(bytes, bit)
}

function setBit(bytes: Buffer, bit: number): void {
  const index = Math.floor(bit / 8)
  bytes[index] = (bytes[index] ?? 0) + 2 ** (bit % 8)
}

function writeFully(fd: number, bytes: Uint8Array, offset: number): void {
  let done = 0
  while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done, offset + done)
}
