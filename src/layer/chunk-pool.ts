/** Bytes of one buffer in the pool. */
export const CHUNK_BYTES: number = 256 * 1024

/**
 * Buffers that all threads share, with a flag each that says whether it is in
 * use. The pool bounds the memory of a build however large its layers are.
 *
 * The first `keepable` ones may hold a whole layer until its turn to be written
 * comes; the others only pass through, so that the layer being written always
 * finds one, whatever the layers behind it hold.
 */
export interface ChunkPool {
  readonly memory: SharedArrayBuffer
  /** 0 free, 1 in use; the last element counts releases, and is what waiters watch. */
  readonly flags: SharedArrayBuffer
  readonly keepable: number
  readonly chunks: number
}

export function makeChunkPool(keepable: number, passing: number): ChunkPool {
  const chunks = keepable + passing
  return {
    memory: new SharedArrayBuffer(chunks * CHUNK_BYTES),
    flags: new SharedArrayBuffer((chunks + 1) * Int32Array.BYTES_PER_ELEMENT),
    keepable,
    chunks,
  }
}

/** The buffer with this number. */
export function chunkBytes(pool: ChunkPool, index: number, length: number = CHUNK_BYTES): Uint8Array {
  return new Uint8Array(pool.memory, index * CHUNK_BYTES, length)
}

/** Takes a buffer that may be kept, or undefined when none is free. Never waits. */
export function takeKeepable(pool: ChunkPool): number | undefined {
  return takeBetween(pool, 0, pool.keepable)
}

/** Takes a buffer that is to be written soon; waits for one. Only for threads that may block. */
export function takePassing(pool: ChunkPool): number {
  const flags = new Int32Array(pool.flags)
  for (;;) {
    const releases = Atomics.load(flags, pool.chunks)
    const index = takeBetween(pool, pool.keepable, pool.chunks)
    if (index !== undefined) return index
    Atomics.wait(flags, pool.chunks, releases)
  }
}

export function releaseChunk(pool: ChunkPool, index: number): void {
  const flags = new Int32Array(pool.flags)
  Atomics.store(flags, index, 0)
  Atomics.add(flags, pool.chunks, 1)
  Atomics.notify(flags, pool.chunks)
}

function takeBetween(pool: ChunkPool, from: number, to: number): number | undefined {
  const flags = new Int32Array(pool.flags)
  for (let index = from; index < to; index++) {
    if (Atomics.compareExchange(flags, index, 0, 1) === 0) return index
  }
  return undefined
}
