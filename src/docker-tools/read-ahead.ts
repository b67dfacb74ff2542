/** What bytes can be read from, at once and from anywhere. */
interface Readable {
  /** Fills `target`, or less at the end; gives how many bytes there were. */
  readNow(target: Uint8Array, offset: number): number
}

const WINDOW_BYTES = 512 * 1024
/** Of a larger file, copying it out of the window takes longer than a call of its own. */
const SMALL_BYTES = 8 * 1024
/** Between two files of a tar stand headers and padding. */
const NEAR_BYTES = 8 * 1024

/** Who reads at a time: so many do not take each other's window away. */
const READERS = 2

/** Reads many small files that stand one behind the other with few calls of the system. */
export function readAhead(source: Readable): Readable {
  const windows = Array.from({ length: READERS }, () => new Window(source))
  let turn = 0
  return {
    readNow: (target, offset) => {
      const window = windows.find((one) => one.isAt(offset)) ?? windows[turn++ % READERS]
      return window?.readNow(target, offset) ?? 0
    },
  }
}

class Window {
  readonly #source: Readable
  #bytes: Buffer | undefined
  #start = 0
  #end = 0
  #next = 0

  constructor(source: Readable) {
    this.#source = source
  }

  /** Whether what is read there goes on where this window's reader is. */
  isAt(offset: number): boolean {
    return (offset >= this.#start && offset < this.#end) || this.#isNear(offset)
  }

  readNow(target: Uint8Array, offset: number): number {
    const isNear = this.#isNear(offset)
    this.#next = offset + target.length
    if (offset < this.#start || this.#next > this.#end) {
      if (!isNear || target.length > SMALL_BYTES) return this.#source.readNow(target, offset)
      this.#bytes ??= Buffer.allocUnsafeSlow(WINDOW_BYTES)
      this.#start = offset
      this.#end = offset + this.#source.readNow(this.#bytes, offset)
    }
    const length = Math.min(target.length, this.#end - offset)
    if (this.#bytes !== undefined) target.set(this.#bytes.subarray(offset - this.#start, offset - this.#start + length))
    return length
  }

  #isNear(offset: number): boolean {
    return offset >= this.#next && offset - this.#next <= NEAR_BYTES
  }
}
