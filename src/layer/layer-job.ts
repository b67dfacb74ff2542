import type { ErrorCode } from '#errors'
import type { ChunkPool } from './chunk-pool.ts'
import type { LayerListing } from './layer-listing.ts'
import type { StoreLayerSpec } from './store-layer-spec.ts'

/** What a layer was found to be. */
export interface Measurement {
  /** 64 hexadecimal digits. */
  readonly sha256: string
  /** Bytes of the tar. */
  readonly size: number
  /** How its files looked from outside. */
  readonly fingerprint: string
  /** The latest change time of all its files, milliseconds since 1970. */
  readonly latestChangeMs: number
}

/** What is needed to write a layer again, and to be sure that it is the same. */
export type ReplayableLayer = Pick<Measurement, 'sha256' | 'size' | 'fingerprint'> & {
  readonly listing: LayerListing | undefined
}

/** Bytes of a layer in the pool. */
export interface PooledChunk {
  readonly index: number
  readonly length: number
}

/** What a layer worker can be asked. `id` comes back with every answer. */
export type LayerJob = { readonly id: number; readonly spec: StoreLayerSpec } &
  /** `order` is the place of the layer among those to be written. */
  (
    | { readonly kind: 'measure'; readonly keep: boolean; readonly order: number }
    /** Hands the layer's bytes over, chunk by chunk, without hashing them. */
    | { readonly kind: 'replay'; readonly expected: ReplayableLayer }
    /** Hands the layer's bytes over, and measures them on the way. */
    | { readonly kind: 'make' }
    /** Only looks at the files. */
    | { readonly kind: 'look' }
  )

/** What a layer worker is started with. */
export interface LayerWorkerData {
  readonly pool: ChunkPool
  /** Which of the pool's writers it is where it hands bytes over, from 0. */
  readonly writer: number
}

/** What a layer worker answers. */
export type LayerAnswer = { readonly id: number } &
  /** `kept` holds the whole layer, or is undefined where there was no room for it. */
  (
    | {
        readonly kind: 'measured'
        readonly measurement: Measurement
        readonly kept: readonly PooledChunk[] | undefined
        /** Of a layer that is not kept, to write it later. */
        readonly listing: LayerListing | undefined
      }
    | { readonly kind: 'chunk'; readonly chunk: PooledChunk }
    | { readonly kind: 'replayed' }
    | { readonly kind: 'made'; readonly measurement: Measurement }
    | { readonly kind: 'looked'; readonly fingerprint: string; readonly listing: LayerListing | undefined }
    | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined }
  )
