import { setImmediate } from 'node:timers/promises'
import { scanTree } from '#tree'
import type { ByteString } from '#util'
import type { NarMeasure } from './measure-nar.ts'
import { NarEncoder } from './nar-encoder.ts'
import { NarMeter } from './nar-meter.ts'
import { readBody } from './read-body.ts'

/** Files between two looks at what else the process has to do. */
const FILES_A_TURN = 256
const BUFFER_BYTES = 1024 * 1024

/**
 * Hashes and counts the NAR of a tree on disk: what `measureNar` does, several
 * times as fast, because it reads synchronously, with a break now and then.
 *
 * @throws {DockerToolsError} `FILE_UNREADABLE`, `FILE_CHANGED`, `FILE_TYPE_UNSUPPORTED`.
 */
export async function measureNarOnDisk(root: ByteString): Promise<NarMeasure> {
  const meter = new NarMeter()
  const encoder = new NarEncoder()
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  let filesInTurn = 0
  for (const entry of scanTree(root, { order: 'bytes' })) {
    meter.add(encoder.head(entry))
    if (entry.type === 'file') {
      const path = (entry.path === '' ? root : `${root}/${entry.path}`) as ByteString
      readBody(path, entry.size, buffer, (part) => meter.add(part))
      // A large file is a turn of its own.
      filesInTurn += 1 + entry.size / BUFFER_BYTES
    }
    meter.add(encoder.tail(entry))
    if (filesInTurn < FILES_A_TURN) continue
    filesInTurn = 0
    await setImmediate()
  }
  meter.add(encoder.end())
  const { narHash, narSize } = meter.finish()
  return { narHash, narSize }
}
