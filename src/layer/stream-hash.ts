import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { DockerToolsError } from '#errors'
import { makeHashRing, RING_BUFFER_BYTES, RING_BUFFERS, RING_END, ringBuffer } from './hash-ring.ts'

/** Takes the SHA-256 of bytes as they come. */
export interface StreamHash extends AsyncDisposable {
  /** The chunk is the caller's again once this resolves, or has returned nothing. */
  update(chunk: Uint8Array): void | Promise<void>
  /** 64 hexadecimal digits. */
  finish(): Promise<string>
}

/** Up to here hashing is done before a thread would have started. */
const INLINE_BELOW_BYTES = 24 * 1024 * 1024

/**
 * Begins a hash: on a thread of its own where there is much to hash, so that
 * one core can read while another one hashes.
 *
 * @param sizeHint About how many bytes will come.
 * @param threads Threads that may be used, the calling one included.
 */
export function makeStreamHash(sizeHint: number, threads: number): StreamHash {
  return sizeHint < INLINE_BELOW_BYTES || threads < 2 ? new InlineHash() : new ThreadHash()
}

class InlineHash implements StreamHash {
  readonly #hash = createHash('sha256')

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk)
  }

  finish(): Promise<string> {
    return Promise.resolve(this.#hash.digest('hex'))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}

class ThreadHash implements StreamHash {
  readonly #ring = makeHashRing()
  readonly #lengths = new Int32Array(this.#ring.lengths)
  readonly #worker: Worker
  readonly #result: Promise<string>
  #index = 0
  /** Bytes in the buffer that is being filled. With any, it is ours. */
  #filled = 0

  constructor() {
    const file = import.meta.url.endsWith('.ts') ? './hash-worker.ts' : './hash-worker.js'
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData: this.#ring, stdout: true, stderr: true })
    this.#result = new Promise((resolve, reject) => {
      this.#worker.once('message', resolve)
      this.#worker.once('error', (cause) => reject(threadDied(cause)))
      this.#worker.once('exit', () => reject(threadDied(undefined)))
    })
    // It is looked at when all is written, and while a buffer is waited for.
    this.#result.catch(() => undefined)
  }

  update(chunk: Uint8Array): void | Promise<void> {
    // Most chunks are headers and small files: handing each over would cost more than to hash it.
    if (this.#filled > 0 && this.#filled + chunk.length < RING_BUFFER_BYTES) this.#add(chunk)
    else return this.#addAll(chunk)
  }

  async finish(): Promise<string> {
    if (this.#filled > 0) this.#hand(this.#filled)
    await this.#free()
    this.#hand(RING_END)
    return await this.#result
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }

  async #addAll(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.length;) {
      if (this.#filled === 0) await this.#free()
      const part = chunk.subarray(offset, offset + RING_BUFFER_BYTES - this.#filled)
      this.#add(part)
      offset += part.length
      if (this.#filled === RING_BUFFER_BYTES) this.#hand(RING_BUFFER_BYTES)
    }
  }

  #add(bytes: Uint8Array): void {
    ringBuffer(this.#ring, this.#index).set(bytes, this.#filled)
    this.#filled += bytes.length
  }

  /** Waits until the next buffer is free. */
  async #free(): Promise<void> {
    for (let length = this.#length(); length !== 0; length = this.#length()) {
      const waiting = Atomics.waitAsync(this.#lengths, this.#index, length)
      if (waiting.async) await Promise.race([waiting.value, this.#result])
    }
  }

  #length(): number {
    return Atomics.load(this.#lengths, this.#index)
  }

  #hand(length: number): void {
    Atomics.store(this.#lengths, this.#index, length)
    Atomics.notify(this.#lengths, this.#index)
    this.#index = (this.#index + 1) % RING_BUFFERS
    this.#filled = 0
  }
}

function threadDied(cause: unknown): DockerToolsError {
  return new DockerToolsError('INTERNAL', 'Cannot hash a layer: its thread died', { cause })
}
