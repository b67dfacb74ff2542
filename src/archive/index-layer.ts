import { setImmediate } from 'node:timers/promises'
import { type IndexedTarMember, readTarIndex, type SeekableSource } from '#tar'
import type { DockerLayer } from './docker-archive.ts'
import type { ImageLimits } from './image-limits.ts'
import { named } from './member-table.ts'

/** How often others get their turn: reading does not wait for anything. */
const MEMBERS_PER_TURN = 128

/**
 * Lists the members of a layer that is a plain tar, passing over what is in them. So nothing of it has been
 * checked when they are there: that is what `verifyLayer` is for.
 *
 * @throws {DockerToolsError} as `readTarIndex`, with the layer's name.
 */
export async function indexLayer(
  layer: DockerLayer,
  what: string,
  limits: ImageLimits,
  signal?: AbortSignal,
): Promise<readonly IndexedTarMember[]> {
  const found: IndexedTarMember[] = []
  try {
    const options = { endMarker: 'optional', maxMembers: limits.maxMembers } as const
    for await (const member of readTarIndex(throughBuffer(layer), options)) {
      found.push(member)
      if (found.length % MEMBERS_PER_TURN !== 0) continue
      await setImmediate()
      signal?.throwIfAborted()
    }
  } catch (error) {
    throw named(error, `layer "${layer.member}" of ${what}`)
  }
  return found
}

/** Reads through one buffer: a header has been taken in before the next one is read. */
function throughBuffer(layer: DockerLayer): SeekableSource {
  let buffer = Buffer.alloc(0)
  return {
    // Nothing is waited for, so that only the bytes cost.
    leastBytes: 4096,
    // oxlint-disable-next-line require-await -- a source answers with a promise
    read: async (offset, length) => {
      if (buffer.length < length) buffer = Buffer.allocUnsafeSlow(length)
      let done = 0
      while (done < length) {
        const count = layer.readNow(buffer.subarray(done, length), offset + done)
        if (count === 0) break
        done += count
      }
      return buffer.subarray(0, done)
    },
  }
}
