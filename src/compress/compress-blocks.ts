import { availableParallelism } from 'node:os'
import { type BlockSlot, slotDictionary, slotInput } from './block-slot.ts'
import { BlockThreads } from './block-threads.ts'
import { type CompressionThreads, MAX_DEFAULT_WORKERS } from './compression-threads.ts'
import { fillSlots } from './fill-slots.ts'
import { type Codec, loadPackBlock } from './pack-block.ts'

export interface BlockCompression {
  readonly codec: Codec
  readonly blockBytes: number
  /** Bytes of the block before that a block may refer to; at most `blockBytes`. */
  readonly dictionaryBytes: number
  readonly workers: number | undefined
  /** Threads that other streams use too, in place of `workers` of its own. */
  readonly threads?: CompressionThreads | undefined
  /** Whether a chunk is the reader's only until it asks for the next: nothing is copied then. */
  readonly borrow: boolean
  /** Called with the plain bytes of every block, in order. They are valid during the call. */
  readonly onBlock?: (block: Uint8Array) => void
}

/** From here on a block that waits is worth less than its memory, where other streams have work for the threads. */
const COSTLY_BLOCK_BYTES = 4 * 1024 * 1024

interface Pending {
  readonly slot: BlockSlot
  packed?: Promise<Uint8Array>
}

/**
 * Compresses a stream block by block, in parallel, and yields the packed blocks
 * in order. Threads start once all slots are full; input that ends before that
 * is compressed on this thread, to the same bytes.
 */
export async function* compressBlocks(
  plain: AsyncIterable<Uint8Array>,
  options: BlockCompression,
): AsyncGenerator<Uint8Array> {
  const shared = options.threads
  const workers = shared?.count ?? options.workers ?? Math.min(availableParallelism(), MAX_DEFAULT_WORKERS)
  // A block for each thread and one that waits for the next to be free; besides, one that is being filled.
  const maxPending = isCostly(options) ? Math.max(1, workers) : workers + 1
  const pending: Pending[] = []
  const packBlock = await loadPackBlock(options.codec)
  let threads: BlockThreads | undefined
  const memories = shared?.takeMemories(options) ?? []

  async function packOldest(): Promise<Uint8Array> {
    const oldest = pending.shift()!
    if (oldest.packed !== undefined) {
      const packed = await oldest.packed
      return shared === undefined || options.borrow ? packed : packed.slice()
    }
    const { slot } = oldest
    const input = slotInput(slot, options)
    return packBlock({ input, dictionary: slotDictionary(slot, options), isLast: slot.isLast })
  }

  try {
    for await (const slot of fillSlots(plain, options, maxPending + 1, memories)) {
      options.onBlock?.(slotInput(slot, options))
      pending.push({ slot })
      const sharedThreads = shared?.forBlock(options.codec, options, slot.inputBytes)
      if (sharedThreads !== undefined) for (const block of pending) block.packed ??= sharedThreads.pack(block.slot)
      if (shared === undefined && workers > 0 && pending.length >= maxPending)
        threads ??= new BlockThreads(options.codec, options, workers, options.borrow)
      if (threads !== undefined) for (const block of pending) block.packed ??= threads.pack(block.slot)
      if (pending.length >= maxPending) yield await packOldest()
    }
    while (pending.length > 0) yield await packOldest()
    // Only now no thread works on them any more.
    shared?.giveMemories(options, memories)
  } finally {
    await threads?.[Symbol.asyncDispose]()
  }
}

function isCostly({ threads, blockBytes }: BlockCompression): boolean {
  return threads !== undefined && blockBytes >= COSTLY_BLOCK_BYTES
}
