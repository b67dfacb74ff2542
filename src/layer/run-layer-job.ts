import { createHash, type Hash } from 'node:crypto'
import { DockerToolsError } from '#errors'
import { byteStringToText } from '#util'
import { type ChunkPool, chunkBytes, releaseChunk, takeKeepable, takePassing } from './chunk-pool.ts'
import { ChunkWriter } from './chunk-writer.ts'
import { Fingerprint } from './fingerprint.ts'
import type { LayerAnswer, LayerJob, LayerWorkerData, Measurement, PooledChunk } from './layer-job.ts'
import { ListingRecorder } from './layer-listing.ts'
import type { StoreLayerSpec } from './store-layer-spec.ts'
import { type LayerObserver, lookAtStoreLayer, writeListedLayer, writeStoreLayer } from './write-store-layer.ts'

/** Runs one job to its end. Blocks; for worker threads. Answers are given to `answer` as they come. */
export function runLayerJob(
  job: LayerJob,
  { pool, writer }: LayerWorkerData,
  answer: (answer: LayerAnswer) => void,
): void {
  try {
    switch (job.kind) {
      case 'measure':
        answer(measure(job, pool))
        break
      case 'replay':
        replay(job, passOn(job, pool, writer, answer), answer)
        break
      case 'make':
        make(job, passOn(job, pool, writer, answer), answer)
        break
      case 'look':
        answer(look(job))
        break
    }
  } catch (error) {
    answer({ id: job.id, kind: 'failed', ...describe(error) })
  }
}

function measure(job: LayerJob & { readonly kind: 'measure' }, pool: ChunkPool): LayerAnswer {
  const hash = createHash('sha256')
  const keeping = new KeptChunks(pool, job.keep, job.order)
  const out = new ChunkWriter(keeping.first(), (filled) => {
    hash.update(filled)
    return keeping.next(filled)
  })
  try {
    const seen = new Seen()
    writeStoreLayer(job.spec, out, seen)
    const kept = keeping.finish()
    return {
      id: job.id,
      kind: 'measured',
      measurement: measurementOf(hash, out, seen),
      kept,
      listing: kept === undefined ? seen.listing.finish() : undefined,
    }
  } catch (error) {
    keeping.drop()
    throw error
  }
}

function look(job: LayerJob): LayerAnswer {
  const seen = new Seen()
  lookAtStoreLayer(job.spec, seen)
  return { id: job.id, kind: 'looked', fingerprint: seen.fingerprint.digest(), listing: seen.listing.finish() }
}

/** What is remembered of everything that was looked at. */
class Seen implements LayerObserver {
  readonly fingerprint = new Fingerprint()
  readonly listing = new ListingRecorder()

  beginRoot(): void {
    this.listing.beginRoot()
  }

  add(entry: Parameters<LayerObserver['add']>[0]): void {
    this.fingerprint.add(entry)
    this.listing.add(entry)
  }
}

/** The chunks of a layer that is measured, as long as the pool has room for all of them. */
class KeptChunks {
  readonly #pool: ChunkPool
  readonly #order: number
  #kept: PooledChunk[] | undefined
  #current: number | undefined

  constructor(pool: ChunkPool, keep: boolean, order: number) {
    this.#pool = pool
    this.#order = order
    this.#kept = keep ? [] : undefined
  }

  first(): Uint8Array {
    return this.#advance()
  }

  next(filled: Uint8Array): Uint8Array {
    if (this.#current === undefined) return privateBuffer()
    this.#kept?.push({ index: this.#current, length: filled.length })
    return this.#advance()
  }

  /** The whole layer, or undefined. The buffer that was to be filled next goes back. */
  finish(): readonly PooledChunk[] | undefined {
    if (this.#current !== undefined) releaseChunk(this.#pool, this.#current)
    this.#current = undefined
    return this.#kept
  }

  drop(): void {
    for (const chunk of this.#kept ?? []) releaseChunk(this.#pool, chunk.index)
    this.#kept = undefined
    this.finish()
  }

  #advance(): Uint8Array {
    this.#current = this.#kept === undefined ? undefined : takeKeepable(this.#pool, this.#order)
    if (this.#current !== undefined) return chunkBytes(this.#pool, this.#current)
    this.drop()
    return privateBuffer()
  }
}

const PRIVATE_BUFFER_BYTES = 1024 * 1024

let reused: Uint8Array | undefined

/** One buffer a thread for layers that are not kept. */
function privateBuffer(): Uint8Array {
  reused ??= new Uint8Array(PRIVATE_BUFFER_BYTES)
  return reused
}

/** Hands over what is written, in the buffers of the writer that this thread is. */
function passOn(
  { id }: LayerJob,
  pool: ChunkPool,
  writer: number,
  answer: (answer: LayerAnswer) => void,
): PassedChunks {
  let current = takePassing(pool, writer)
  return {
    first: chunkBytes(pool, current),
    next: (filled) => {
      answer({ id, kind: 'chunk', chunk: { index: current, length: filled.length } })
      current = takePassing(pool, writer)
      return chunkBytes(pool, current)
    },
    [Symbol.dispose]: () => releaseChunk(pool, current),
  }
}

interface PassedChunks extends Disposable {
  readonly first: Uint8Array
  next(filled: Uint8Array): Uint8Array
}

function replay(
  job: LayerJob & { readonly kind: 'replay' },
  passed: PassedChunks,
  answer: (answer: LayerAnswer) => void,
): void {
  using chunks = passed
  const out = new ChunkWriter(chunks.first, (filled) => chunks.next(filled))
  const { listing, size, fingerprint } = job.expected
  if (listing === undefined) {
    const seen = new Seen()
    writeStoreLayer(job.spec, out, seen)
    if (seen.fingerprint.digest() !== fingerprint) throw changedSince(job.spec)
  } else writeListedLayer(job.spec, out, listing)
  if (out.size !== size) throw changedSince(job.spec)
  answer({ id: job.id, kind: 'replayed' })
}

function make(job: LayerJob, passed: PassedChunks, answer: (answer: LayerAnswer) => void): void {
  using chunks = passed
  const hash = createHash('sha256')
  const out = new ChunkWriter(chunks.first, (filled) => {
    hash.update(filled)
    return chunks.next(filled)
  })
  const seen = new Seen()
  writeStoreLayer(job.spec, out, seen)
  answer({ id: job.id, kind: 'made', measurement: measurementOf(hash, out, seen) })
}

function measurementOf(hash: Hash, { size }: ChunkWriter, { fingerprint }: Seen): Measurement {
  return {
    sha256: hash.digest('hex'),
    size,
    fingerprint: fingerprint.digest(),
    latestChangeMs: fingerprint.latestChangeMs,
  }
}

function changedSince(spec: StoreLayerSpec): DockerToolsError {
  const paths = spec.roots.map((root) => byteStringToText(root.physical))
  const shown =
    paths.length > 3 ? `${paths.slice(0, 3).join('", "')}" and ${paths.length - 3} more` : `${paths.join('", "')}"`
  return new DockerToolsError(
    'FILE_CHANGED',
    `Cannot write the layer of "${shown}: a file changed while the image was made`,
  )
}

function describe(error: unknown): Pick<LayerAnswer & { readonly kind: 'failed' }, 'code' | 'message' | 'hint'> {
  if (error instanceof DockerToolsError) return { code: error.code, message: error.message, hint: error.hint }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { code: 'INTERNAL', message: `Cannot make a layer: ${text}`, hint: undefined }
}
