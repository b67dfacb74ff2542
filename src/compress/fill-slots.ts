import { type BlockSlot, makeSlot, type SlotLayout, slotDictionary, slotRoom } from './block-slot.ts'

/**
 * Cuts `plain` into blocks, each in a slot of its own with the end of the block
 * before as its dictionary. All blocks are full but the last; an empty stream
 * is one empty block.
 *
 * Slots are used in turns: when block n is asked for, block n - `slotCount` has
 * to be done with.
 *
 * @param memories Of slots of this layout that nobody uses; those that are made are added to them.
 */
export async function* fillSlots(
  plain: AsyncIterable<Uint8Array>,
  layout: SlotLayout,
  slotCount: number,
  memories: SharedArrayBuffer[] = [],
): AsyncGenerator<BlockSlot> {
  let index = 0
  let slot: BlockSlot = {
    memory: memories[0] ?? addMemory(memories, layout),
    dictionaryBytes: 0,
    inputBytes: 0,
    isLast: false,
  }

  for await (const chunk of plain) {
    for (let position = 0; position < chunk.length;) {
      // A full block is handed on only once there is a next byte: the last block is told apart.
      if (slot.inputBytes === layout.blockBytes) {
        yield slot
        index++
        slot = startAfter(slot, memories[index % slotCount] ?? addMemory(memories, layout), layout)
      }
      const taken = Math.min(chunk.length - position, layout.blockBytes - slot.inputBytes)
      slotRoom(slot, layout).set(chunk.subarray(position, position + taken), slot.inputBytes)
      slot = { ...slot, inputBytes: slot.inputBytes + taken }
      position += taken
    }
  }
  yield { ...slot, isLast: true }
}

function addMemory(memories: SharedArrayBuffer[], layout: SlotLayout): SharedArrayBuffer {
  const { memory } = makeSlot(layout)
  memories.push(memory)
  return memory
}

function startAfter(previous: BlockSlot, memory: SharedArrayBuffer, layout: SlotLayout): BlockSlot {
  const dictionaryBytes = Math.min(layout.dictionaryBytes, previous.inputBytes)
  const slot: BlockSlot = { memory, dictionaryBytes, inputBytes: 0, isLast: false }
  slotDictionary(slot, layout).set(slotRoom(previous, layout).subarray(previous.inputBytes - dictionaryBytes))
  return slot
}
