import { setImmediate } from 'node:timers/promises'
import { DETECTION_BYTES, detectCompression } from '#compress'
import { inTurns } from '#util'
import type { DockerLayer } from './docker-archive.ts'
import { verifyDigest } from './verify-digest.ts'

/** Whether a layer stands in its archive as a plain tar. */
export async function isPlainLayer(layer: DockerLayer): Promise<boolean> {
  return detectCompression(await layer.read(0, DETECTION_BYTES)) === 'none'
}

/**
 * The bytes of a layer as they stand in its archive. Those of a plain tar are checked on
 * the way; what is compressed has another digest than its configuration says. A chunk is
 * good until the one after the next is asked for.
 *
 * @throws {IntegrityError} `DIGEST_MISMATCH`, after the last chunk.
 */
export async function* openVerifiedLayer(layer: DockerLayer, what: string): AsyncGenerator<Uint8Array> {
  if (!(await isPlainLayer(layer))) {
    yield* layer.open()
    return
  }
  const bytes = inTurns(0, layer.header.size, (target, position) => layer.readNow(target, position))
  yield* verifyDigest(bytes, layer.diffId, `layer "${layer.member}" of ${what}`)
}

/**
 * Reads a layer that is a plain tar to its end, and compares its digest. Others get their turn in between.
 *
 * @throws {IntegrityError} `DIGEST_MISMATCH`. And what `signal` was aborted with.
 */
export async function verifyLayer(layer: DockerLayer, what: string, signal: AbortSignal): Promise<void> {
  const bytes = inTurns(0, layer.header.size, (target, position) => layer.readNow(target, position))
  for await (const _ of verifyDigest(bytes, layer.diffId, `layer "${layer.member}" of ${what}`)) {
    await setImmediate()
    signal.throwIfAborted()
  }
}
