// The main module of a thread that hashes what another one reads.
import { createHash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { type HashRing, RING_BUFFERS, RING_END, ringBuffer } from './hash-ring.ts'

if (parentPort !== null) parentPort.postMessage(hashRing(workerData as HashRing))

function hashRing(ring: HashRing): string {
  const lengths = new Int32Array(ring.lengths)
  const hash = createHash('sha256')
  for (let index = 0; ; index = (index + 1) % RING_BUFFERS) {
    Atomics.wait(lengths, index, 0)
    const length = Atomics.load(lengths, index)
    if (length === RING_END) return hash.digest('hex')
    hash.update(ringBuffer(ring, index).subarray(0, length))
    Atomics.store(lengths, index, 0)
    Atomics.notify(lengths, index)
  }
}
