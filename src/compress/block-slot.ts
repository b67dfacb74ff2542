/**
 * Memory for one block on its way through a worker thread: dictionary, input
 * and output, shared so that nothing is copied between threads. Pages that are
 * never touched cost nothing, so small inputs stay small.
 */
export interface BlockSlot {
  readonly memory: SharedArrayBuffer
  readonly dictionaryBytes: number
  readonly inputBytes: number
  readonly isLast: boolean
}

/** Where the parts of a slot lie. */
export interface SlotLayout {
  /** Most bytes of the dictionary; it ends where the input starts. */
  readonly dictionaryBytes: number
  readonly blockBytes: number
}

/** A slot for blocks of that layout. */
export function makeSlot(layout: SlotLayout): BlockSlot {
  const memory = new SharedArrayBuffer(outputStart(layout) + maxPackedBytes(layout.blockBytes))
  return { memory, dictionaryBytes: 0, inputBytes: 0, isLast: false }
}

/** All the room for input. */
export function slotRoom({ memory }: BlockSlot, layout: SlotLayout): Uint8Array {
  return new Uint8Array(memory, layout.dictionaryBytes, layout.blockBytes)
}

export function slotInput(slot: BlockSlot, layout: SlotLayout): Uint8Array {
  return new Uint8Array(slot.memory, layout.dictionaryBytes, slot.inputBytes)
}

export function slotDictionary(slot: BlockSlot, layout: SlotLayout): Uint8Array {
  return new Uint8Array(slot.memory, layout.dictionaryBytes - slot.dictionaryBytes, slot.dictionaryBytes)
}

/** All the room for output. */
export function slotOutput({ memory }: BlockSlot, layout: SlotLayout): Uint8Array {
  return new Uint8Array(memory, outputStart(layout))
}

function outputStart({ dictionaryBytes, blockBytes }: SlotLayout): number {
  return dictionaryBytes + blockBytes
}

/** More than any codec adds to a block that cannot be compressed. */
function maxPackedBytes(blockBytes: number): number {
  return blockBytes + Math.ceil(blockBytes / 128) + 1024
}
