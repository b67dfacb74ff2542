import { BLOCK_BYTES, DIRECT_BLOCKS, POINTERS_PER_BLOCK } from './ext2-format.ts'
import type { Volume } from './volume.ts'

const POINTERS_OFFSET = 0x28
/** Steps from the inode to a block: none, one, two or three blocks of block numbers. */
const STEPS = 3

/** Where the content of one file is. Keeps the blocks of block numbers that were used last. */
export class BlockMap {
  readonly #volume: Volume
  readonly #inode: Buffer
  readonly #kept: { number: number; bytes: Buffer }[] = []

  constructor(volume: Volume, inode: Buffer) {
    this.#volume = volume
    this.#inode = inode
  }

  /** Fills `target` from a byte of the content on; holes are zeros. */
  read(target: Uint8Array, offset: number): void {
    let done = 0
    while (done < target.length) {
      const index = Math.floor((offset + done) / BLOCK_BYTES)
      const within = (offset + done) % BLOCK_BYTES
      const first = this.#blockAt(index)
      let count = 1
      const wanted = Math.ceil((within + target.length - done) / BLOCK_BYTES)
      while (count < wanted && this.#blockAt(index + count) === (first === 0 ? 0 : first + count)) count++
      const part = target.subarray(done, done + count * BLOCK_BYTES - within)
      if (first === 0) part.fill(0)
      else this.#volume.fill(part, first, within)
      done += part.length
    }
  }

  /** The block with a piece of the content, or 0 where there is a hole. */
  #blockAt(index: number): number {
    if (index < DIRECT_BLOCKS) return this.#inode.readUInt32LE(POINTERS_OFFSET + index * 4)
    let rest = index - DIRECT_BLOCKS
    let reach = POINTERS_PER_BLOCK
    let steps = 1
    while (rest >= reach && steps < STEPS) {
      rest -= reach
      reach *= POINTERS_PER_BLOCK
      steps++
    }
    if (rest >= reach) return 0
    let block = this.#inode.readUInt32LE(POINTERS_OFFSET + (DIRECT_BLOCKS + steps - 1) * 4)
    for (let step = steps; step > 0 && block !== 0; step--) {
      reach /= POINTERS_PER_BLOCK
      block = this.#pointers(step, block).readUInt32LE(Math.floor(rest / reach) * 4)
      rest %= reach
    }
    return block
  }

  #pointers(step: number, number: number): Buffer {
    const kept = this.#kept[step]
    if (kept?.number === number) return kept.bytes
    const bytes = this.#volume.block(number)
    this.#kept[step] = { number, bytes }
    return bytes
  }
}
