/**
 * Gives the memory of bytes that nobody holds any more back at once.
 *
 * A block's output is megabytes large, and the collector, which sees only a
 * small object, would let dozens of them pile up.
 */
export function freeNow(bytes: Uint8Array): void {
  const { buffer } = bytes
  // A slice of Node's shared pool is not ours to free, and shared memory cannot be.
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength <= Buffer.poolSize) return
  try {
    buffer.transfer(0)
  } catch {
    // Node 26 does not let go of the buffers that zlib has filled; the collector has to do then.
  }
}
