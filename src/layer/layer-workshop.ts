import { DockerToolsError } from '#errors'
import type { Digest } from '#image'
import type { ByteSink } from '#util'
import { announceWriter, type ChunkPool, chunkBytes, makeChunkPool, releaseChunk } from './chunk-pool.ts'
import { type LayerCache, layerCacheKey, type RememberedLayer } from './layer-cache.ts'
import type { LayerAnswer, LayerJob, Measurement, PooledChunk, ReplayableLayer } from './layer-job.ts'
import type { LayerListing } from './layer-listing.ts'
import { LayerThread, stoppedJob } from './layer-thread.ts'
import { measureInline } from './measure-inline.ts'
import type { MeasuredLayer, UnmeasuredLayer } from './measured-layer.ts'
import { jobFailure, ReplayReader } from './replay-reader.ts'
import type { StoreLayerSpec } from './store-layer-spec.ts'

/** How a workshop works. None of it moves a byte of the result. */
export interface WorkshopOptions {
  /**
   * Threads that measure; one more writes layers that were not kept. With 1,
   * that one does everything and no layer is kept: the least memory.
   */
  readonly threads: number
  /** Layers that are not kept and may be written at once; with 1 they are written one after the other. Default: 1. */
  readonly writers?: number
  readonly cache?: LayerCache | undefined
  /** About how many bytes all layers have together: little work is done at once, without threads. */
  readonly totalSizeHint: number
  /** Milliseconds since 1970: decides only whether a file is too young to be trusted to the cache. */
  readonly now: () => number
}

/** 20 MiB may hold measured layers until they are written, 4 MiB are for the layer that is being written. */
const KEEPABLE_CHUNKS = 80
const PASSING_CHUNKS = 4

/** A layer larger than this is read again when it is written, so that it does not push out many small ones. */
const KEEP_BELOW_BYTES = 8 * 1024 * 1024

/**
 * A file that changed so shortly before it was measured may change once more
 * without its change time moving: file systems count in steps of up to a second.
 */
const SETTLED_MS = 2000

/** Up to here hashing on the calling thread is done before a worker thread would have started. */
const INLINE_BELOW_BYTES = 24 * 1024 * 1024

/** All listings that wait for their layer to be written have at most so many entries together. */
const LISTED_ENTRIES = 60_000

interface Queued {
  readonly sizeHint: number
  readonly job: LayerJob
  readonly onAnswer: (answer: LayerAnswer) => void
}

/**
 * Measures store layers on several threads while earlier ones are written.
 *
 * Layers are started in the order they are asked for, so that the first is
 * done first, except that one that is most of the remaining work is not left
 * for the end.
 */
export class LayerWorkshop implements AsyncDisposable {
  readonly #options: WorkshopOptions
  readonly #pool: ChunkPool
  readonly #idle: LayerThread[] = []
  readonly #threads: LayerThread[] = []
  #queue: readonly Queued[] = []
  readonly #writers: LayerThread[] = []
  #lastId = 0
  #inlineBytes = 0
  #listedEntries = 0

  constructor(options: WorkshopOptions) {
    this.#options = options
    this.#pool = makeChunkPool(options.threads > 1 ? KEEPABLE_CHUNKS : 0, PASSING_CHUNKS, options.writers ?? 1)
  }

  /**
   * @param order Place of the layer among those to be written, from 0.
   * @param sizeHint About how many bytes the layer has; only the order of work follows from it.
   * @throws {DockerToolsError} `FILE_CHANGED`, `FILE_UNREADABLE`, `FILE_TYPE_UNSUPPORTED`.
   */
  async measure(spec: StoreLayerSpec, order: number, sizeHint: number): Promise<MeasuredLayer> {
    if (this.#options.totalSizeHint < INLINE_BELOW_BYTES) {
      const layer = measureInline(spec, INLINE_BELOW_BYTES - this.#inlineBytes)
      this.#inlineBytes += layer?.size ?? 0
      if (layer !== undefined) return layer
    }
    const key = layerCacheKey(spec)
    const remembered = await this.#options.cache?.recall(key)
    if (remembered !== undefined) {
      const listing = await this.#look(spec, remembered, sizeHint)
      if (listing !== 'changed') return this.#replayed(spec, { ...remembered, listing })
    }
    const begun = this.#options.now()
    const keep = this.#options.threads > 1 && sizeHint < KEEP_BELOW_BYTES
    const answer = await this.#run({ kind: 'measure', keep, order, spec, id: ++this.#lastId }, sizeHint)
    if (answer.kind !== 'measured') throw unexpected(answer)
    const { measurement, kept, listing } = answer
    await this.#remember(key, measurement, begun)
    return kept === undefined ? this.#replayed(spec, { ...measurement, listing }) : this.#kept(spec, measurement, kept)
  }

  /**
   * Gives a layer that is measured while it is written: for those who need its bytes before its digest. Undefined where
   * its digest can be had for less than the reading of it.
   */
  async make(spec: StoreLayerSpec): Promise<UnmeasuredLayer | undefined> {
    if (this.#options.totalSizeHint < INLINE_BELOW_BYTES) return undefined
    const key = layerCacheKey(spec)
    if ((await this.#options.cache?.recall(key)) !== undefined) return undefined
    return {
      writeTo: async (sink) => {
        const begun = this.#options.now()
        const reader = new ReplayReader(this.#pool)
        this.#writerThread().post({ kind: 'make', spec, id: ++this.#lastId }, reader.onAnswer)
        await reader.writeTo(sink)
        const { measurement } = reader
        if (measurement === undefined) throw new DockerToolsError('INTERNAL', 'Cannot make a layer: nobody measured it')
        await this.#remember(key, measurement, begun)
        return this.#replayed(spec, { ...measurement, listing: undefined })
      },
    }
  }

  /** Tells the workshop which layer the writer has come to, and whether it writes it or still waits for it. */
  announceWriter(order: number, isWriting: boolean): void {
    announceWriter(this.#pool, order, isWriting)
  }

  /** Ends all work: whoever waits for some gets `INTERRUPTED`. */
  async [Symbol.asyncDispose](): Promise<void> {
    const queue = this.#queue
    this.#queue = []
    for (const { job, onAnswer } of queue) onAnswer(stoppedJob(job.id))
    const threads = new Set([...this.#threads, ...this.#writers])
    await Promise.all([...threads].map((thread) => thread[Symbol.asyncDispose]()))
  }

  async #remember(key: string, measurement: Measurement, begun: number): Promise<void> {
    if (measurement.latestChangeMs + SETTLED_MS < begun) await this.#options.cache?.remember(key, measurement)
  }

  async #look(
    spec: StoreLayerSpec,
    remembered: RememberedLayer,
    sizeHint: number,
  ): Promise<LayerListing | undefined | 'changed'> {
    // Looking costs a small part of measuring.
    const answer = await this.#run({ kind: 'look', spec, id: ++this.#lastId }, sizeHint / 16)
    if (answer.kind !== 'looked') throw unexpected(answer)
    return answer.fingerprint === remembered.fingerprint ? answer.listing : 'changed'
  }

  #kept(spec: StoreLayerSpec, measurement: RememberedLayer, chunks: readonly PooledChunk[]): MeasuredLayer {
    const pool = this.#pool
    return {
      digest: `sha256:${measurement.sha256}` as Digest,
      size: measurement.size,
      prepare: () => undefined,
      again: () => this.#replayed(spec, { ...measurement, listing: undefined }),
      skip: () => {
        for (const chunk of chunks) releaseChunk(pool, chunk.index)
      },
      async writeTo(sink: ByteSink): Promise<void> {
        for (const chunk of chunks) {
          await sink.write(chunkBytes(pool, chunk.index, chunk.length))
          releaseChunk(pool, chunk.index)
        }
      },
    }
  }

  #replayed(spec: StoreLayerSpec, measurement: ReplayableLayer): MeasuredLayer {
    const expected = { ...measurement, listing: this.#admit(measurement.listing) }
    let reader: ReplayReader | undefined
    const prepare = (): void => {
      if (reader !== undefined) return
      reader = new ReplayReader(this.#pool)
      this.#writerThread().post({ kind: 'replay', spec, expected, id: ++this.#lastId }, reader.onAnswer)
      this.#listedEntries -= expected.listing?.types.length ?? 0
      // The thread has its own now.
      expected.listing = undefined
    }
    return {
      digest: `sha256:${measurement.sha256}` as Digest,
      size: measurement.size,
      prepare,
      again: () => this.#replayed(spec, { ...measurement, listing: undefined }),
      skip: () => {
        if (reader !== undefined) throw new DockerToolsError('INTERNAL', 'Cannot skip a layer that is being read')
        this.#listedEntries -= expected.listing?.types.length ?? 0
        expected.listing = undefined
      },
      async writeTo(sink: ByteSink): Promise<void> {
        prepare()
        await reader?.writeTo(sink)
      },
    }
  }

  /** A layer without its listing is looked at again when it is written. */
  #admit(listing: LayerListing | undefined): LayerListing | undefined {
    const entries = listing?.types.length ?? 0
    if (this.#listedEntries + entries > LISTED_ENTRIES) return undefined
    this.#listedEntries += entries
    return listing
  }

  /**
   * A thread that hands layers over. Jobs of one thread run in their order, and it is given one measurement at a time: a
   * replay never waits long. With one thread for everything, that is the first writer, too.
   */
  #writerThread(): LayerThread {
    const idle = this.#writers.find((thread) => thread.openJobs === 0)
    if (idle !== undefined) return idle
    const writer = this.#writers.length
    if (writer < (this.#options.writers ?? 1)) {
      const thread =
        (writer === 0 && this.#options.threads === 1 ? this.#onlyThread() : undefined) ?? this.#thread(writer)
      this.#writers.push(thread)
      return thread
    }
    return this.#writers.reduce((least, other) => (other.openJobs < least.openJobs ? other : least))
  }

  /** Measures when it is not busy, whoever has asked for it first. */
  #onlyThread(): LayerThread | undefined {
    const [known] = this.#threads
    if (known !== undefined) return known
    const thread = this.#hire()
    if (thread !== undefined) this.#idle.push(thread)
    return thread
  }

  #thread(writer: number): LayerThread {
    return new LayerThread({ pool: this.#pool, writer })
  }

  async #run(job: LayerJob, sizeHint: number): Promise<LayerAnswer> {
    const answer = await new Promise<LayerAnswer>((resolve) => {
      this.#queue = [...this.#queue, { job, sizeHint, onAnswer: resolve }]
      this.#dispatch()
    })
    if (answer.kind === 'failed') throw jobFailure(answer)
    return answer
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const thread = this.#idle.pop() ?? this.#hire()
      if (thread === undefined) return
      const next = this.#takeNext()
      thread.post(next.job, (answer) => {
        this.#idle.push(thread)
        next.onAnswer(answer)
        this.#dispatch()
      })
    }
  }

  #hire(): LayerThread | undefined {
    if (this.#threads.length >= this.#options.threads) return undefined
    const thread = this.#thread(0)
    this.#threads.push(thread)
    return thread
  }

  #takeNext(): Queued {
    const total = this.#queue.reduce((sum, queued) => sum + queued.sizeHint, 0)
    const largest = this.#queue.reduce((best, queued) => (queued.sizeHint > best.sizeHint ? queued : best))
    const isCritical = largest.sizeHint * this.#options.threads > total
    const next = isCritical ? largest : (this.#queue[0] ?? largest)
    this.#queue = this.#queue.filter((queued) => queued !== next)
    return next
  }
}

function unexpected(answer: LayerAnswer): DockerToolsError {
  return new DockerToolsError('INTERNAL', `Cannot make a layer: a worker answered "${answer.kind}"`)
}
