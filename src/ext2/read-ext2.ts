import { bytesToByteString, type ByteString } from '#util'
import { BlockMap } from './block-map.ts'
import { diskError, diskLimit } from './disk-error.ts'
import type { DiskEntry } from './disk-node.ts'
import { FILE_TYPES, INLINE_TARGET_BYTES, ROOT_INODE } from './ext2-format.ts'
import { readTrustedAttribute } from './read-attribute.ts'
import { readDirectory } from './read-directory.ts'
import { Volume } from './volume.ts'

/** A file on a disk, and what can be read of it while the disk is open. */
export type StoredDiskEntry = DiskEntry & {
  /** Fills `target` from a byte of the content on and gives how many bytes there were; holes are zeros. */
  readonly readNow: (target: Uint8Array, offset: number) => number
  /** The extended attribute `trusted.NAME`. */
  readonly trustedAttribute: (name: string) => Buffer | undefined
}

/** What an image may make its reader do. A limit that is passed gives `LIMIT_EXCEEDED`, and the message names it. */
export interface Ext2Limits {
  /** Names of files. */
  readonly maxEntries: number
  /** Bytes of one path. */
  readonly maxPathBytes: number
  /** Bytes of all paths together. */
  readonly maxPathsBytes: number
  /** Bytes of all contents together, holes included. */
  readonly maxContentBytes: number
}

export const DEFAULT_EXT2_LIMITS: Ext2Limits = {
  maxEntries: 4_000_000,
  maxPathBytes: 4096,
  maxPathsBytes: 512 * 1024 ** 2,
  maxContentBytes: 64 * 1024 ** 3,
}

/** Inodes whose content is stored in a way that is not written here: compressed, in extents, inline. */
const FOREIGN_FLAGS = [0x4, 0x800, 0x80000, 0x10000000]
const MODE_MASK = 0o7777
const MAX_TARGET_BYTES = 4095

/**
 * Lists a folder of an image of the kind that `writeExt2` writes, whatever was
 * done to it since: the folder itself first, each directory before what is in
 * it, names in byte order. A file with several names is listed once for each.
 *
 * @param fd The image; it has to stay open as long as contents are read.
 * @param folder Its name in the root of the image.
 * @throws {DockerToolsError} `FORMAT_INVALID`, `FORMAT_UNSUPPORTED`, `LIMIT_EXCEEDED`.
 */
export function* readExt2(
  fd: number,
  folder: ByteString,
  limits: Partial<Ext2Limits> = {},
): Generator<StoredDiskEntry> {
  const { maxEntries, maxPathBytes, maxPathsBytes, maxContentBytes } = { ...DEFAULT_EXT2_LIMITS, ...limits }
  const volume = new Volume(fd)
  const top = readFile(volume, ROOT_INODE, '' as ByteString)
  const start = namesIn(top).find(({ name }) => name === folder)
  if (start === undefined) throw diskError(`it should have the folder "${folder}"`)
  const pending = [{ path: '' as ByteString, inode: start.inode }]
  const entered = new Set<number>()
  let entries = 0
  let pathsBytes = 0
  let contentBytes = 0
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, inode } = next
    if (++entries > maxEntries) throw diskLimit('maxEntries', 'there are more files', maxEntries)
    if (path.length > maxPathBytes) throw diskLimit('maxPathBytes', `a path has ${path.length} bytes`, maxPathBytes)
    pathsBytes += path.length
    if (pathsBytes > maxPathsBytes) throw diskLimit('maxPathsBytes', 'all paths are longer', maxPathsBytes)
    const file = readFile(volume, inode, path)
    if (file.entry.type === 'file') contentBytes += file.size
    if (contentBytes > maxContentBytes) throw diskLimit('maxContentBytes', 'the files are longer', maxContentBytes)
    yield storedEntry(volume, file)
    if (file.entry.type !== 'directory') continue
    if (entered.has(inode)) throw diskError('a directory is in two places')
    entered.add(inode)
    const prefix = path === '' ? '' : `${path}/`
    const children = namesIn(file).map((child) => ({ path: (prefix + child.name) as ByteString, inode: child.inode }))
    for (const child of children.toReversed()) pending.push(child)
  }
}

interface DiskFileFacts {
  readonly entry: DiskEntry
  readonly inode: Buffer
  readonly map: BlockMap
  readonly size: number
}

function readFile(volume: Volume, number: number, path: ByteString): DiskFileFacts {
  const inode = volume.inode(number)
  const stored = inode.readUInt16LE(0x0)
  const type = Object.entries(FILE_TYPES).find(([, { mode }]) => mode === stored - (stored % 0o10000))?.[0]
  const flags = inode.readUInt32LE(0x20)
  if (type === undefined) throw diskError(`inode ${number} has no known type`)
  if (FOREIGN_FLAGS.some((flag) => Math.floor(flags / flag) % 2 === 1)) {
    throw diskError(`inode ${number} is stored in another way`, 'FORMAT_UNSUPPORTED')
  }
  const size = inode.readUInt32LE(0x4) + (type === 'file' ? inode.readUInt32LE(0x6c) * 2 ** 32 : 0)
  const map = new BlockMap(volume, inode)
  const meta = {
    path,
    mode: stored % (MODE_MASK + 1),
    uid: inode.readUInt16LE(0x2) + inode.readUInt16LE(0x78) * 2 ** 16,
    gid: inode.readUInt16LE(0x18) + inode.readUInt16LE(0x7a) * 2 ** 16,
  }
  return { entry: entryOf(type as DiskEntry['type'], meta, inode, map, size), inode, map, size }
}

function entryOf(
  type: DiskEntry['type'],
  meta: Pick<DiskEntry, 'path' | 'mode' | 'uid' | 'gid'>,
  inode: Buffer,
  map: BlockMap,
  size: number,
): DiskEntry {
  switch (type) {
    case 'file':
      if (!Number.isSafeInteger(size)) throw diskError(`a file has ${size} bytes`)
      return { ...meta, type, size }
    case 'symlink':
      return { ...meta, type, target: readTarget(inode, map, size) }
    case 'char':
    case 'block':
      return { ...meta, type, ...readDevice(inode) }
    default:
      return { ...meta, type }
  }
}

function readTarget(inode: Buffer, map: BlockMap, size: number): ByteString {
  if (size > MAX_TARGET_BYTES) throw diskError(`a symlink has ${size} bytes`)
  if (size < INLINE_TARGET_BYTES) return bytesToByteString(inode.subarray(0x28, 0x28 + size))
  const target = Buffer.allocUnsafe(size)
  map.read(target, 0)
  return bytesToByteString(target)
}

function readDevice(inode: Buffer): { readonly major: number; readonly minor: number } {
  const old = inode.readUInt32LE(0x28)
  if (old !== 0) return { major: Math.floor(old / 256) % 256, minor: old % 256 }
  const packed = inode.readUInt32LE(0x2c)
  return {
    major: Math.floor(packed / 256) % 4096,
    minor: (packed % 256) + Math.floor(packed / 2 ** 20) * 256,
  }
}

function namesIn({ entry, map, size }: DiskFileFacts): ReturnType<typeof readDirectory> {
  if (entry.type !== 'directory') throw diskError('its root should be a directory')
  return readDirectory(map, size)
}

function storedEntry(volume: Volume, { entry, inode, map, size }: DiskFileFacts): StoredDiskEntry {
  return {
    ...entry,
    readNow: (target, offset) => {
      const wanted = entry.type === 'file' ? Math.max(0, Math.min(target.length, size - offset)) : 0
      map.read(target.subarray(0, wanted), offset)
      return wanted
    },
    trustedAttribute: (name) => readTrustedAttribute(volume, inode, name),
  }
}
