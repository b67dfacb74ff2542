import { closeSync, mkdirSync } from 'node:fs'
import { DockerToolsError } from '#errors'
import type { TreeEntry } from '#tree'
import { type ByteString, byteStringToText, toByteString, toFsPath } from '#util'
import { finishFile, makeSymlink, openNewFile, sealFolder } from './canonical-node.ts'
import { writeAll } from './copy-tree.ts'
import { NarEncoder } from './nar-encoder.ts'
import { type MeteredNar, NarMeter } from './nar-meter.ts'

/**
 * Writes entries to disk, with modes and times as in a store, and measures
 * their NAR. As with `copyTree`, the root is not sealed yet.
 *
 * @param entries In the order of a NAR. Names are trusted to lead nowhere else.
 * @throws {DockerToolsError} `FILE_CHANGED`, `FILE_TYPE_UNSUPPORTED`, and what
 *   the entries throw. Errors of writing are the system's own.
 */
export async function unpackEntries(
  entries: AsyncIterable<TreeEntry> | Iterable<TreeEntry>,
  target: string,
  knownHashParts?: ReadonlySet<string>,
): Promise<MeteredNar> {
  const meter = new NarMeter(knownHashParts)
  const encoder = new NarEncoder()
  const root = toByteString(target)
  const folders: ByteString[] = []
  for await (const entry of entries) {
    meter.add(encoder.head(entry))
    const at = entry.path === '' ? root : (`${root}/${entry.path}` as ByteString)
    if (entry.type === 'directory') {
      mkdirSync(toFsPath(at), 0o755)
      if (entry.path !== '') folders.push(at)
    } else if (entry.type === 'symlink') makeSymlink(at, entry.target)
    // The encoder has refused all other kinds.
    else if (entry.type === 'file') await writeFile(entry, at, meter)
    meter.add(encoder.tail(entry))
  }
  meter.add(encoder.end())
  for (const folder of folders) sealFolder(folder)
  return meter.finish()
}

async function writeFile(entry: Extract<TreeEntry, { type: 'file' }>, at: ByteString, meter: NarMeter): Promise<void> {
  const fd = openNewFile(at)
  try {
    let size = 0
    for await (const part of entry.open()) {
      size += part.length
      if (size > entry.size) break
      meter.add(part)
      writeAll(fd, part)
    }
    if (size !== entry.size) {
      const found = size > entry.size ? 'more' : `${size}`
      throw new DockerToolsError(
        'FILE_CHANGED',
        `Cannot unpack "${byteStringToText(entry.path)}": it gave ${found} bytes, it should have ${entry.size}`,
      )
    }
    finishFile(fd, entry.mode)
  } finally {
    closeSync(fd)
  }
}
