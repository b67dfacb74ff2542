import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { DockerToolsError } from '#errors'
import type { ByteString } from '#util'
import { byteStringToText, toFsPath } from '#util'
import type { TreeOrder } from './name-order.ts'
import { scanError } from './scan-error.ts'
import { scanTree, type ScannedEntry } from './scan-tree.ts'
import type { TreeEntry } from './tree-entry.ts'

const CHUNK_BYTES = 256 * 1024

/**
 * The files under `root` as entries that can be read.
 *
 * @throws {DockerToolsError} as `scanTree`; and a file that is not any more what
 *   it was when it was listed gives `FILE_CHANGED` when it is read.
 */
// oxlint-disable-next-line require-await -- the walk is synchronous, but stores hand out their trees asynchronously
export async function* treeEntries(root: ByteString, order: TreeOrder): AsyncGenerator<TreeEntry> {
  for (const entry of scanTree(root, { order })) {
    const onDisk = (entry.path === '' ? root : `${root}/${entry.path}`) as ByteString
    yield entry.type === 'file' ? readable(entry, onDisk) : entry
  }
}

function readable(entry: ScannedEntry, onDisk: ByteString): TreeEntry {
  const { path, mode, size } = entry
  return { type: 'file', path, mode, size, open: () => readUnchanged(onDisk, entry) }
}

async function* readUnchanged(onDisk: ByteString, scanned: ScannedEntry): AsyncGenerator<Uint8Array> {
  await using file = await openFile(onDisk)
  await checkUnchanged(file, onDisk, scanned)
  let rest = scanned.size
  while (rest > 0) {
    const chunk = await readChunk(file, onDisk, Math.min(rest, CHUNK_BYTES))
    if (chunk.length === 0) throw changed(onDisk)
    rest -= chunk.length
    yield chunk
  }
  await checkUnchanged(file, onDisk, scanned)
}

async function openFile(onDisk: ByteString): Promise<FileHandle> {
  try {
    // Without NONBLOCK a pipe put in the file's place would block for ever.
    return await open(toFsPath(onDisk), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    throw scanError('read', onDisk, error, false)
  }
}

async function readChunk(file: FileHandle, onDisk: ByteString, length: number): Promise<Uint8Array> {
  try {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length))
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    throw scanError('read', onDisk, error, false)
  }
}

async function checkUnchanged(file: FileHandle, onDisk: ByteString, scanned: ScannedEntry): Promise<void> {
  const { size, ino, dev, ctimeMs } = await file.stat()
  const same = size === scanned.size && ino === scanned.ino && dev === scanned.dev && ctimeMs === scanned.ctimeMs
  if (!same) throw changed(onDisk)
}

function changed(onDisk: ByteString): DockerToolsError {
  return new DockerToolsError(
    'FILE_CHANGED',
    `Cannot read "${byteStringToText(onDisk)}": it changed while the tree was read`,
    { hint: 'Let nothing write to the tree while it is read' },
  )
}
