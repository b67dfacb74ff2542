import { Worker } from 'node:worker_threads'
import { DockerToolsError } from '#errors'
import { type BlockSlot, type SlotLayout, slotOutput } from './block-slot.ts'
import type { BlockWorkerData, BlockWorkerReply, BlockWorkerRequest } from './block-worker.ts'
import type { Codec } from './pack-block.ts'

interface Task {
  readonly slot: BlockSlot
  resolve(packed: Uint8Array): void
  reject(error: unknown): void
}

interface Thread {
  readonly worker: Worker
  /** What it was given and has not answered, oldest first. */
  readonly tasks: Task[]
}

/** Worker threads that compress blocks. They end with their owner, and never keep the process alive while they idle. */
export class BlockThreads implements AsyncDisposable {
  readonly #threads: readonly Thread[]
  readonly #layout: SlotLayout
  readonly #borrow: boolean
  #failure: DockerToolsError | undefined
  #isEnding = false

  constructor(codec: Codec, { dictionaryBytes, blockBytes }: SlotLayout, count: number, borrow: boolean) {
    this.#borrow = borrow
    this.#layout = { dictionaryBytes, blockBytes }
    this.#threads = Array.from({ length: count }, () => this.#start({ codec, layout: this.#layout }))
  }

  /** Compresses the block in `slot`, which has to stay as it is until then. */
  pack(slot: BlockSlot): Promise<Uint8Array> {
    const thread = this.#threads.reduce((least, other) => (other.tasks.length < least.tasks.length ? other : least))
    const packed = new Promise<Uint8Array>((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure)
        return
      }
      thread.tasks.push({ slot, resolve, reject })
      thread.worker.ref()
      thread.worker.postMessage(slot satisfies BlockWorkerRequest, [])
    })
    // Whoever waits for the block gets the error; a reader who has stopped waits for none.
    packed.catch(() => {})
    return packed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true
    await Promise.all(this.#threads.map(({ worker }) => endOf(worker)))
  }

  #start(workerData: BlockWorkerData): Thread {
    const name = import.meta.url.endsWith('.ts') ? './block-worker.ts' : './block-worker.js'
    const worker = new Worker(new URL(name, import.meta.url), { workerData, execArgv: [] })
    worker.unref()
    const tasks: Task[] = []
    worker.on('message', (packedBytes: BlockWorkerReply) => {
      const task = tasks.shift()!
      // An answer may still come while the threads end; then the process has to wait for the end.
      if (tasks.length === 0 && !this.#isEnding) worker.unref()
      const packed = slotOutput(task.slot, this.#layout).subarray(0, packedBytes)
      // A copy, unless the reader is done with the bytes when it asks for more: the slot is filled again then.
      task.resolve(this.#borrow ? packed : packed.slice())
    })
    worker.on('error', (error) => this.#fail(error))
    worker.on('exit', () => {
      // Once all are told to end, nobody waits for a block any more.
      if (!this.#isEnding) this.#fail(undefined)
    })
    return { worker, tasks }
  }

  #fail(cause: unknown): void {
    this.#failure ??= new DockerToolsError('INTERNAL', 'Cannot compress block: a worker thread ended too early', {
      cause,
    })
    for (const { tasks } of this.#threads) for (const task of tasks.splice(0)) task.reject(this.#failure)
  }
}

/**
 * Lets a thread finish the block it is at and end by itself: Node 26 has
 * aborted the process where a thread was ended in the middle of a call of zlib.
 */
async function endOf(worker: Worker): Promise<void> {
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  if (worker.threadId === -1) return
  worker.ref()
  worker.postMessage('end' satisfies BlockWorkerRequest, [])
  await ended
}
