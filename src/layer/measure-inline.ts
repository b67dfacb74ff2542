import { createHash } from 'node:crypto'
import type { Digest } from '#image'
import { ChunkWriter } from './chunk-writer.ts'
import type { MeasuredLayer } from './measured-layer.ts'
import type { StoreLayerSpec } from './store-layer-spec.ts'
import { writeStoreLayer } from './write-store-layer.ts'

const CHUNK_BYTES = 256 * 1024

class TooLarge extends Error {}

/**
 * Measures a small layer on the calling thread and keeps its bytes: for images
 * that are done before a worker thread would have started.
 *
 * @returns Undefined if the layer has more than `maxBytes`, whatever was expected of it.
 */
export function measureInline(spec: StoreLayerSpec, maxBytes: number): MeasuredLayer | undefined {
  const hash = createHash('sha256')
  const kept: Uint8Array[] = []
  let size = 0
  const out = new ChunkWriter(new Uint8Array(CHUNK_BYTES), (filled) => {
    size += filled.length
    if (size > maxBytes) throw new TooLarge()
    hash.update(filled)
    kept.push(filled)
    return new Uint8Array(CHUNK_BYTES)
  })
  try {
    writeStoreLayer(spec, out, { beginRoot: () => undefined, add: () => undefined })
  } catch (error) {
    if (error instanceof TooLarge) return undefined
    throw error
  }
  return {
    digest: `sha256:${hash.digest('hex')}` as Digest,
    size,
    prepare: () => undefined,
    skip: () => void kept.splice(0),
    async writeTo(sink) {
      for (const chunk of kept.splice(0)) await sink.write(chunk)
    },
  }
}
