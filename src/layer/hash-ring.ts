/** Bytes of one buffer of a ring. */
export const RING_BUFFER_BYTES: number = 256 * 1024
/** Buffers of a ring: enough that hashing goes on while the next store path is listed. */
export const RING_BUFFERS = 48

/** Buffers that one thread fills and another one hashes, in turn. */
export interface HashRing {
  readonly memory: SharedArrayBuffer
  /** For each buffer 0 where it is free, otherwise the number of bytes in it; `RING_END` says that there are no more. */
  readonly lengths: SharedArrayBuffer
}

/** Stands in the place of a length behind the last one. */
export const RING_END = -1

export function makeHashRing(): HashRing {
  return {
    memory: new SharedArrayBuffer(RING_BUFFERS * RING_BUFFER_BYTES),
    lengths: new SharedArrayBuffer(RING_BUFFERS * Int32Array.BYTES_PER_ELEMENT),
  }
}

/** The buffer with this number. */
export function ringBuffer(ring: HashRing, index: number): Uint8Array {
  return new Uint8Array(ring.memory, index * RING_BUFFER_BYTES, RING_BUFFER_BYTES)
}
