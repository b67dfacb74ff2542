import type { Duplex } from 'node:stream'

/** Chunks that are on their way at a time: so that the next one is made while the reader is at work. */
const AHEAD = 3

/** Writes all chunks to a pipe, then its end. A reader that has ended takes no more; why it has is told elsewhere. */
export async function give(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, pipe: Duplex): Promise<void> {
  const buffers: Buffer[] = []
  const taken: Promise<boolean>[] = []
  let slot = 0
  for await (const chunk of chunks) {
    if (taken.length === AHEAD && (await taken.shift()) === false) return
    // The chunk is the maker's again as soon as the next one is asked for.
    let buffer = buffers[slot]
    if (buffer === undefined || buffer.length < chunk.length)
      buffers[slot] = buffer = Buffer.allocUnsafeSlow(chunk.length)
    buffer.set(chunk)
    taken.push(isTaken(buffer.subarray(0, chunk.length), pipe))
    slot = (slot + 1) % AHEAD
  }
  for (const write of taken) if (!(await write)) return
  pipe.end()
}

function isTaken(bytes: Uint8Array, pipe: Duplex): Promise<boolean> {
  return new Promise((resolve) => pipe.write(bytes, (error) => resolve(error === undefined || error === null)))
}
