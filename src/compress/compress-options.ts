import type { CompressionThreads } from './compression-threads.ts'

/** How a stream is compressed. */
export interface CompressOptions {
  /**
   * Threads to compress with; 0 compresses on the calling thread. No byte
   * depends on it. Default: one for each core, up to 8. They start only when
   * there is more input than starting them costs.
   */
  readonly workers?: number | undefined
  /** Threads that other streams use too; `workers` counts no more then. */
  readonly threads?: CompressionThreads | undefined
  /** True leaves a chunk valid only until the next is asked for, and saves copying it. Default false. */
  readonly borrow?: boolean
}
