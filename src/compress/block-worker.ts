import { parentPort, workerData } from 'node:worker_threads'
import { type BlockSlot, type SlotLayout, slotDictionary, slotInput, slotOutput } from './block-slot.ts'
import { freeNow } from './free-now.ts'
import { type Codec, loadPackBlock } from './pack-block.ts'

export interface BlockWorkerData {
  readonly codec: Codec
  readonly layout: SlotLayout
}

/** A block to compress, or the word that there are no more. */
export type BlockWorkerRequest = BlockSlot | 'end'

/** Bytes written to the slot's output. Requests are answered in their order. */
export type BlockWorkerReply = number

const { codec, layout } = workerData as BlockWorkerData
const packBlock = await loadPackBlock(codec)

parentPort?.on('message', (slot: BlockWorkerRequest) => {
  if (slot === 'end') {
    parentPort?.close()
    return
  }
  const dictionary = slotDictionary(slot, layout)
  const packed = packBlock({ input: slotInput(slot, layout), dictionary, isLast: slot.isLast })
  const packedBytes = packed.length
  slotOutput(slot, layout).set(packed)
  freeNow(packed)
  parentPort?.postMessage(packedBytes satisfies BlockWorkerReply, [])
})
