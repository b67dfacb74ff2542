import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { decompress } from '#compress'
import { report } from '#events'
import { type Content, type Digest, parseDigest } from '#image'
import type { BlobDescriptor, RemoteImage } from '#registry'
import { makeSpool, type Spool } from '#util'

/** Layers that are fetched, or wait to be written, at the same time. */
const WINDOW = 4
const BUFFER_BYTES = 512 * 1024
const SPOOL_MEMORY_BYTES = 4 * 1024 * 1024
/** How often progress is told of. */
const REPORT_BYTES = 4 * 1024 * 1024

interface PlainBlob extends AsyncDisposable {
  readonly digest: Digest
  readonly spool: Spool
}

/**
 * The layers of an image in a registry, decompressed and measured, lowest first, as often as the image has them.
 * A few are fetched ahead of the one that is written; each lies in a file without a name until its turn is over.
 *
 * @param stop Ends the requests that are under way, where the reader stops or a layer fails.
 */
export async function* plainLayers(image: RemoteImage, stop: () => void): AsyncGenerator<Content> {
  const blobs = [...new Map(image.layers.map((layer) => [layer.digest, layer])).values()]
  const started: Promise<PlainBlob>[] = []
  const start = (count: number): void => {
    for (const blob of blobs.slice(started.length, count)) {
      const number = started.length + 1
      const fetched = fetchBlob(image, blob, number, blobs.length)
      // Whoever waits for it is told; a failure of one that nobody waits for yet is no crash.
      fetched.catch(() => undefined)
      started.push(fetched)
    }
  }
  const known = new Map<Digest, Content>()
  let isWhole = false
  try {
    for (const layer of image.layers) {
      const before = known.get(layer.digest)
      if (before !== undefined) {
        yield before
        continue
      }
      const index = known.size
      start(index + WINDOW)
      await using blob = await started[index]!
      const content = { digest: blob.digest, size: blob.spool.size, open: () => readThroughBuffer(blob.spool) }
      known.set(layer.digest, content)
      yield content
    }
    isWhole = true
  } finally {
    if (!isWhole) stop()
    for (const result of await Promise.allSettled(started)) {
      if (result.status === 'fulfilled') await result.value[Symbol.asyncDispose]()
    }
  }
}

/** All of it through one buffer, which the reader may not keep: new ones would be most of the memory there is. */
async function* readThroughBuffer(spool: Spool): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(BUFFER_BYTES, spool.size))
  for (let position = 0; position < spool.size;) {
    const length = spool.readNow(buffer.subarray(0, spool.size - position), position)
    if (length === 0) return
    yield buffer.subarray(0, length)
    position += length
    // The layers that are being fetched go on only where the loop of events is reached.
    await setImmediate()
  }
}

async function fetchBlob(image: RemoteImage, blob: BlobDescriptor, index: number, total: number): Promise<PlainBlob> {
  const tell = (bytes: number): void =>
    report({ type: 'pull-layer', index, total, digest: blob.digest, bytes, totalBytes: blob.size })
  return await image.useLayer(blob, async (bytes) => {
    const spool = makeSpool(SPOOL_MEMORY_BYTES)
    const hash = createHash('sha256')
    try {
      for await (const chunk of decompress('auto', counted(bytes, tell))) {
        hash.update(chunk)
        await spool.write(chunk)
      }
    } catch (error) {
      await spool[Symbol.asyncDispose]()
      throw error
    }
    tell(blob.size)
    const digest = parseDigest(`sha256:${hash.digest('hex')}`)
    return { digest, spool, [Symbol.asyncDispose]: () => Promise.resolve(spool[Symbol.asyncDispose]()) }
  })
}

async function* counted(source: AsyncIterable<Uint8Array>, tell: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let bytes = 0
  let told = 0
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes - told >= REPORT_BYTES) {
      told = bytes
      tell(bytes)
    }
    yield chunk
  }
}
