import { availableParallelism } from 'node:os'
import type { SlotLayout } from './block-slot.ts'
import { BlockThreads } from './block-threads.ts'
import type { Codec } from './pack-block.ts'

/** More threads than this gain little, and every one holds memory. */
export const MAX_DEFAULT_WORKERS = 8

/** Threads take longer to start than this to compress. */
const WORTH_THREADS_BYTES = 2 * 1024 * 1024

/**
 * Threads that many streams are compressed with, one after the other or several at
 * once: for streams that are too short to start threads of their own for each.
 */
export class CompressionThreads implements AsyncDisposable {
  readonly count: number
  readonly #started = new Map<Codec, BlockThreads>()
  /** By the layout that their slots have. */
  readonly #memories = new Map<string, SharedArrayBuffer[][]>()
  #bytes = 0

  /** @param count No byte depends on it. Default: one for each core, up to 8. */
  constructor(count: number = Math.min(availableParallelism(), MAX_DEFAULT_WORKERS)) {
    this.count = count
  }

  /** The threads for a block; undefined as long as all blocks together are not worth any. */
  forBlock(codec: Codec, layout: SlotLayout, blockBytes: number): BlockThreads | undefined {
    this.#bytes += blockBytes
    const started = this.#started.get(codec)
    if (started !== undefined || this.count === 0 || this.#bytes < WORTH_THREADS_BYTES) return started
    const threads = new BlockThreads(codec, layout, this.count, true)
    this.#started.set(codec, threads)
    return threads
  }

  /** Memory of slots that an earlier stream is done with: a new one for each would pile up before it is collected. */
  takeMemories(layout: SlotLayout): SharedArrayBuffer[] {
    return this.#memories.get(keyOf(layout))?.pop() ?? []
  }

  giveMemories(layout: SlotLayout, memories: SharedArrayBuffer[]): void {
    const key = keyOf(layout)
    this.#memories.set(key, [...(this.#memories.get(key) ?? []), memories])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#started.values()].map((threads) => threads[Symbol.asyncDispose]()))
  }
}

function keyOf({ blockBytes, dictionaryBytes }: SlotLayout): string {
  return `${blockBytes} ${dictionaryBytes}`
}
