import { type ByteString, byteStringToBytes } from '#util'
import type { DiskNode } from './disk-node.ts'
import { BLOCK_BYTES, FILE_TYPES } from './ext2-format.ts'

const RECORD_HEAD_BYTES = 8

/** Bytes of a directory: whole blocks, as no record crosses from one into the next. */
export function directorySize(node: DiskNode): number {
  let blocks = 1
  let used = 0
  for (const [name] of records(node)) {
    const length = recordLength(name)
    if (used + length > BLOCK_BYTES) {
      blocks++
      used = 0
    }
    used += length
  }
  return blocks * BLOCK_BYTES
}

/** The content of a directory: itself, its parent, then its names. */
export function encodeDirectory(node: DiskNode): Buffer {
  const bytes = Buffer.alloc(directorySize(node))
  let last = 0
  let position = 0
  for (const [name, target] of records(node)) {
    const length = recordLength(name)
    const room = BLOCK_BYTES - (position % BLOCK_BYTES)
    if (length > room) {
      bytes.writeUInt16LE(position + room - last, last + 4)
      position += room
    }
    bytes.writeUInt32LE(target.inode, position)
    bytes.writeUInt16LE(length, position + 4)
    bytes[position + 6] = name.length
    bytes[position + 7] = FILE_TYPES[target.entry.type].inDirectory
    byteStringToBytes(name).copy(bytes, position + RECORD_HEAD_BYTES)
    last = position
    position += length
  }
  // The last record of a block reaches to its end.
  bytes.writeUInt16LE(bytes.length - last, last + 4)
  return bytes
}

function* records(node: DiskNode): Generator<readonly [ByteString, DiskNode]> {
  yield ['.' as ByteString, node]
  yield ['..' as ByteString, node.parent ?? node]
  yield* node.children ?? []
}

function recordLength(name: ByteString): number {
  return RECORD_HEAD_BYTES + Math.ceil(name.length / 4) * 4
}
