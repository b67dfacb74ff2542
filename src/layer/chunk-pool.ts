/** Bytes of a buffer that may be kept: small layers leave little of it empty. */
const KEEPABLE_BYTES = 256 * 1024

/** Bytes of a buffer that passes through: each one costs a message between threads. */
const PASSING_BYTES = 1024 * 1024

/**
 * Buffers that all threads share, with a flag each that says whether it is in
 * use. The pool bounds the memory of a build however large its layers are.
 *
 * The first `keepable` ones may hold a whole layer until its turn to be written
 * comes; the others only pass through, so that the layer being written always
 * finds one, whatever the layers behind it hold. Each writer has its own, so that
 * none waits for another one's reader.
 */
export interface ChunkPool {
  readonly memory: SharedArrayBuffer
  /** For each buffer 0 free or 1 in use; then the shared numbers. */
  readonly flags: SharedArrayBuffer
  readonly keepable: number
  /** Of one writer. */
  readonly passing: number
  readonly chunks: number
}

/** Numbers that all threads share, behind the flags of the buffers. */
const SLOTS = 4
/** Counts what those may wait for who keep a layer. Two counts, so that nobody is woken in vain: that costs more than the wait. */
const KEEPABLE_CHANGES = 0
/** Counts the buffers that pass through and came back. */
const PASSING_CHANGES = 1
/** Which layer the writer is at. */
const TURN = 2
/** 1 while the writer writes, 0 while it waits for the layer whose turn it is. */
const WRITING = 3

/** @param passing Buffers of each of the `writers`. */
export function makeChunkPool(keepable: number, passing: number, writers: number): ChunkPool {
  const chunks = keepable + passing * writers
  return {
    memory: new SharedArrayBuffer(keepable * KEEPABLE_BYTES + passing * writers * PASSING_BYTES),
    flags: new SharedArrayBuffer((chunks + SLOTS) * Int32Array.BYTES_PER_ELEMENT),
    keepable,
    passing,
    chunks,
  }
}

/** The buffer with this number, or the first `length` bytes of it. */
export function chunkBytes(pool: ChunkPool, index: number, length?: number): Uint8Array {
  const { keepable } = pool
  return index < keepable
    ? new Uint8Array(pool.memory, index * KEEPABLE_BYTES, length ?? KEEPABLE_BYTES)
    : new Uint8Array(
        pool.memory,
        keepable * KEEPABLE_BYTES + (index - keepable) * PASSING_BYTES,
        length ?? PASSING_BYTES,
      )
}

/**
 * Takes a buffer that may be kept for the layer at `order`, or undefined when
 * there is none to be had.
 *
 * While the writer writes, buffers come back soon, and waiting for one costs
 * less than reading the layer again. While it waits for a layer, waiting here
 * would leave a core idle; and if it waits for this very layer, for ever.
 */
export function takeKeepable(pool: ChunkPool, order: number): number | undefined {
  const flags = new Int32Array(pool.flags)
  for (;;) {
    const changes = Atomics.load(flags, pool.chunks + KEEPABLE_CHANGES)
    const index = takeBetween(pool, 0, pool.keepable)
    if (index !== undefined) return index
    const isAwaited = Atomics.load(flags, pool.chunks + TURN) === order
    if (isAwaited || Atomics.load(flags, pool.chunks + WRITING) === 0) return undefined
    Atomics.wait(flags, pool.chunks + KEEPABLE_CHANGES, changes)
  }
}

/** Takes a buffer that is to be written soon; waits for one. Only for threads that may block. */
export function takePassing(pool: ChunkPool, writer: number): number {
  const flags = new Int32Array(pool.flags)
  const from = pool.keepable + writer * pool.passing
  for (;;) {
    const changes = Atomics.load(flags, pool.chunks + PASSING_CHANGES)
    const index = takeBetween(pool, from, from + pool.passing)
    if (index !== undefined) return index
    Atomics.wait(flags, pool.chunks + PASSING_CHANGES, changes)
  }
}

export function releaseChunk(pool: ChunkPool, index: number): void {
  Atomics.store(new Int32Array(pool.flags), index, 0)
  announceChange(pool, index < pool.keepable ? KEEPABLE_CHANGES : PASSING_CHANGES)
}

/** Tells all threads where the writer is. */
export function announceWriter(pool: ChunkPool, turn: number, isWriting: boolean): void {
  const flags = new Int32Array(pool.flags)
  Atomics.store(flags, pool.chunks + TURN, turn)
  Atomics.store(flags, pool.chunks + WRITING, isWriting ? 1 : 0)
  announceChange(pool, KEEPABLE_CHANGES)
}

function announceChange(pool: ChunkPool, what: typeof KEEPABLE_CHANGES | typeof PASSING_CHANGES): void {
  const flags = new Int32Array(pool.flags)
  Atomics.add(flags, pool.chunks + what, 1)
  Atomics.notify(flags, pool.chunks + what)
}

function takeBetween(pool: ChunkPool, from: number, to: number): number | undefined {
  const flags = new Int32Array(pool.flags)
  for (let index = from; index < to; index++) {
    if (Atomics.compareExchange(flags, index, 0, 1) === 0) return index
  }
  return undefined
}
