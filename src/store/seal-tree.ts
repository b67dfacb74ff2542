import { setImmediate } from 'node:timers/promises'
import { scanTree } from '#tree'
import { type ByteString, toByteString } from '#util'
import { sealFolder, sealNode } from './canonical-node.ts'
import { NarEncoder } from './nar-encoder.ts'
import { type MeteredNar, NarMeter } from './nar-meter.ts'
import { readBody } from './read-body.ts'

const FILES_A_TURN = 256
const BUFFER_BYTES = 1024 * 1024

/**
 * Gives a tree on disk the modes and times of a store, in place, and measures
 * its NAR. As with `copyTree`, the root is not sealed yet.
 *
 * @throws {DockerToolsError} `FILE_UNREADABLE`, `FILE_CHANGED`, `FILE_TYPE_UNSUPPORTED`.
 */
export async function sealTree(path: string, knownHashParts: ReadonlySet<string>): Promise<MeteredNar> {
  const meter = new NarMeter(knownHashParts)
  const encoder = new NarEncoder()
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  const root = toByteString(path)
  const folders: ByteString[] = []
  let filesInTurn = 0
  for (const entry of scanTree(root, { order: 'bytes' })) {
    meter.add(encoder.head(entry))
    const at = entry.path === '' ? root : (`${root}/${entry.path}` as ByteString)
    if (entry.type === 'file') readBody(at, entry.size, buffer, (part) => meter.add(part))
    if (entry.type !== 'directory') sealNode(at)
    else if (entry.path !== '') folders.push(at)
    meter.add(encoder.tail(entry))
    filesInTurn++
    if (filesInTurn < FILES_A_TURN) continue
    filesInTurn = 0
    await setImmediate()
  }
  meter.add(encoder.end())
  for (const folder of folders) sealFolder(folder)
  return meter.finish()
}
