import { fstatSync, readSync } from 'node:fs'
import { diskError } from './disk-error.ts'
import {
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  DESCRIPTOR_BYTES,
  INCOMPATIBLE_FEATURES,
  INODE_BYTES,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_OFFSET,
} from './ext2-format.ts'

const BLOCK_SIZE_SHIFT = 2

/** An image that is open, as blocks and inodes. Nothing in it is believed. */
export class Volume {
  readonly blocks: number
  readonly #fd: number
  readonly #inodesPerGroup: number
  readonly #inodes: number
  readonly #inodeTables: readonly number[]

  /** @throws {DockerToolsError} `FORMAT_INVALID`; `FORMAT_UNSUPPORTED` for what is ext2, but not of the shape that is written here. */
  constructor(fd: number) {
    this.#fd = fd
    const superblock = this.#bytes(SUPERBLOCK_OFFSET, SUPERBLOCK_BYTES)
    if (superblock.readUInt16LE(0x38) !== SUPERBLOCK_MAGIC) throw diskError('it should have an ext2 file system')
    this.blocks = superblock.readUInt32LE(0x4)
    this.#inodesPerGroup = superblock.readUInt32LE(0x28)
    if (
      superblock.readUInt32LE(0x18) !== BLOCK_SIZE_SHIFT ||
      superblock.readUInt16LE(0x58) !== INODE_BYTES ||
      superblock.readUInt32LE(0x20) !== BLOCKS_PER_GROUP ||
      superblock.readUInt32LE(0x60) !== INCOMPATIBLE_FEATURES
    ) {
      throw diskError('its file system has another shape than it was given', 'FORMAT_UNSUPPORTED')
    }
    if (this.blocks === 0 || this.blocks * BLOCK_BYTES > fstatSync(fd).size) {
      throw diskError(`its file system has ${this.blocks} blocks, and the file fewer`)
    }
    const groups = Math.ceil(this.blocks / BLOCKS_PER_GROUP)
    if (this.#inodesPerGroup > BLOCKS_PER_GROUP) throw diskError(`a group has ${this.#inodesPerGroup} inodes`)
    this.#inodes = groups * this.#inodesPerGroup
    const descriptors = this.#bytes(BLOCK_BYTES, groups * DESCRIPTOR_BYTES)
    this.#inodeTables = Array.from({ length: groups }, (_, group) =>
      descriptors.readUInt32LE(group * DESCRIPTOR_BYTES + 8),
    )
  }

  /** The 256 bytes of an inode. */
  inode(number: number): Buffer {
    const table = this.#inodeTables[Math.floor((number - 1) / this.#inodesPerGroup)]
    if (number < 1 || number > this.#inodes || table === undefined) throw diskError(`there is no inode ${number}`)
    return this.#bytes(table * BLOCK_BYTES + ((number - 1) % this.#inodesPerGroup) * INODE_BYTES, INODE_BYTES)
  }

  block(number: number): Buffer {
    return this.#bytes(this.#checked(number) * BLOCK_BYTES, BLOCK_BYTES)
  }

  /** Fills `target` from consecutive blocks, the first from a byte within it. */
  fill(target: Uint8Array, firstBlock: number, offset: number): void {
    this.#checked(firstBlock)
    this.#read(target, firstBlock * BLOCK_BYTES + offset)
  }

  #checked(number: number): number {
    if (number < 1 || number >= this.blocks) throw diskError(`there is no block ${number}`)
    return number
  }

  #bytes(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    this.#read(bytes, offset)
    return bytes
  }

  #read(target: Uint8Array, offset: number): void {
    let done = 0
    while (done < target.length) {
      const count = readSync(this.#fd, target, done, target.length - done, offset + done)
      if (count === 0) throw diskError(`it ends before byte ${offset + target.length}`)
      done += count
    }
  }
}
