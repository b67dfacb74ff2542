import { bytesToByteString, type ByteString, compareByteStrings } from '#util'
import type { BlockMap } from './block-map.ts'
import { diskError } from './disk-error.ts'
import { BLOCK_BYTES } from './ext2-format.ts'

/** A name in a directory. */
export interface DirectoryName {
  readonly name: ByteString
  readonly inode: number
}

const HEAD_BYTES = 8
const SLASH = 0x2f

/**
 * The names in a directory but itself and its parent, in byte order. The inner
 * nodes of an index look like records that are not in use.
 *
 * @throws {DockerToolsError} `FORMAT_INVALID` for a broken record, a name that is none, or one that is there twice.
 */
export function readDirectory(map: BlockMap, size: number): readonly DirectoryName[] {
  const names: DirectoryName[] = []
  const block = Buffer.allocUnsafe(BLOCK_BYTES)
  for (let offset = 0; offset + BLOCK_BYTES <= size; offset += BLOCK_BYTES) {
    map.read(block, offset)
    for (let position = 0; position < BLOCK_BYTES;) {
      const length = block.readUInt16LE(position + 4)
      // A hole in a directory is read as zeros.
      if (length === 0 && position === 0 && block.readUInt32LE(0) === 0) break
      const nameLength = block.readUInt8(position + 6)
      if (length % 4 !== 0 || length < HEAD_BYTES + nameLength || position + length > BLOCK_BYTES) {
        throw diskError('a directory has a broken record')
      }
      const inode = block.readUInt32LE(position)
      const bytes = block.subarray(position + HEAD_BYTES, position + HEAD_BYTES + nameLength)
      position += length
      if (inode === 0) continue
      const name = bytesToByteString(bytes)
      if (name === '.' || name === '..') continue
      if (name === '' || bytes.includes(0) || bytes.includes(SLASH))
        throw diskError(`a directory has the name "${name}"`)
      names.push({ name, inode })
    }
  }
  names.sort((a, b) => compareByteStrings(a.name, b.name))
  for (const [index, { name }] of names.entries()) {
    if (name === names[index + 1]?.name) throw diskError('a directory has a name twice')
  }
  return names
}
