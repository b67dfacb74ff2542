import { availableParallelism } from 'node:os'
import { type BlockSlot, slotDictionary, slotInput } from './block-slot.ts'
import { BlockThreads } from './block-threads.ts'
import { fillSlots } from './fill-slots.ts'
import { type Codec, loadPackBlock } from './pack-block.ts'

export interface BlockCompression {
  readonly codec: Codec
  readonly blockBytes: number
  /** Bytes of the block before that a block may refer to; at most `blockBytes`. */
  readonly dictionaryBytes: number
  readonly workers: number | undefined
  /** Whether a chunk is the reader's only until it asks for the next: nothing is copied then. */
  readonly borrow: boolean
  /** Called with the plain bytes of every block, in order. They are valid during the call. */
  readonly onBlock?: (block: Uint8Array) => void
}

/** More threads than this gain little, and every one holds memory. */
const MAX_DEFAULT_WORKERS = 8

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
  const workers = options.workers ?? Math.min(availableParallelism(), MAX_DEFAULT_WORKERS)
  // A block for each thread and one that waits for the next to be free; besides, one that is being filled.
  const maxPending = workers + 1
  const pending: Pending[] = []
  const packBlock = await loadPackBlock(options.codec)
  let threads: BlockThreads | undefined

  async function packOldest(): Promise<Uint8Array> {
    const oldest = pending.shift()!
    if (oldest.packed !== undefined) return await oldest.packed
    const { slot } = oldest
    const input = slotInput(slot, options)
    return packBlock({ input, dictionary: slotDictionary(slot, options), isLast: slot.isLast })
  }

  try {
    for await (const slot of fillSlots(plain, options, maxPending + 1)) {
      options.onBlock?.(slotInput(slot, options))
      pending.push({ slot })
      if (workers > 0 && pending.length >= maxPending)
        threads ??= new BlockThreads(options.codec, options, workers, options.borrow)
      if (threads !== undefined) for (const block of pending) block.packed ??= threads.pack(block.slot)
      if (pending.length >= maxPending) yield await packOldest()
    }
    while (pending.length > 0) yield await packOldest()
  } finally {
    await threads?.[Symbol.asyncDispose]()
  }
}
