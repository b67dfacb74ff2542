import { diskError } from './disk-error.ts'
import { BLOCK_BYTES, INODE_BYTES, OLD_INODE_BYTES } from './ext2-format.ts'
import type { Volume } from './volume.ts'

const MAGIC = 0xea020000
const BLOCK_HEAD_BYTES = 32
const ENTRY_HEAD_BYTES = 16
/** The number that stands for `trusted.` in front of a name. */
const TRUSTED = 4

/** The value of the extended attribute `trusted.NAME`, or undefined: in the inode itself or in the block it names. */
export function readTrustedAttribute(volume: Volume, inode: Buffer, name: string): Buffer | undefined {
  const start = OLD_INODE_BYTES + inode.readUInt16LE(OLD_INODE_BYTES)
  if (start % 4 === 0 && start + 4 <= INODE_BYTES && inode.readUInt32LE(start) === MAGIC) {
    const inside = inode.subarray(start + 4)
    const value = find(inside, 0, name)
    if (value !== undefined) return value
  }
  const number = inode.readUInt32LE(0x68)
  if (number === 0) return undefined
  const block = volume.block(number)
  if (block.readUInt32LE(0) !== MAGIC) throw diskError(`block ${number} should have extended attributes`)
  return find(block, BLOCK_HEAD_BYTES, name)
}

/** Entries begin at `start`; values are counted from the beginning of `bytes`. */
function find(bytes: Buffer, start: number, wanted: string): Buffer | undefined {
  let position = start
  while (position + ENTRY_HEAD_BYTES <= bytes.length && bytes.readUInt32LE(position) !== 0) {
    const nameLength = bytes.readUInt8(position)
    const name = bytes.toString('latin1', position + ENTRY_HEAD_BYTES, position + ENTRY_HEAD_BYTES + nameLength)
    if (bytes[position + 1] === TRUSTED && name === wanted) {
      const offset = bytes.readUInt16LE(position + 2)
      const size = bytes.readUInt32LE(position + 8)
      if (size > BLOCK_BYTES || offset + size > bytes.length) throw diskError(`the value of "${wanted}" is outside`)
      return bytes.subarray(offset, offset + size)
    }
    position += ENTRY_HEAD_BYTES + Math.ceil(nameLength / 4) * 4
  }
  return undefined
}
