/** What bytes can be read from, at once and from anywhere. */
interface Readable {
  /** Fills `target`, or less at the end; gives how many bytes there were. */
  readNow(target: Uint8Array, offset: number): number
}

const WINDOW_BYTES = 512 * 1024
/** Between two files of a tar stand headers and padding. */
const NEAR_BYTES = 8 * 1024

/** Reads many small files that stand one behind the other with few calls of the system. */
export function readAhead(source: Readable): Readable {
  const window = Buffer.allocUnsafeSlow(WINDOW_BYTES)
  let start = 0
  let end = 0
  let next = 0
  return {
    readNow: (target, offset) => {
      const isNear = offset >= next && offset - next <= NEAR_BYTES
      next = offset + target.length
      if (offset < start || next > end) {
        if (!isNear || target.length > WINDOW_BYTES / 2) return source.readNow(target, offset)
        start = offset
        end = offset + source.readNow(window, offset)
      }
      const length = Math.min(target.length, end - offset)
      target.set(window.subarray(offset - start, offset - start + length))
      return length
    },
  }
}
