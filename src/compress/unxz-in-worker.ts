import { Worker } from 'node:worker_threads'
import { DockerToolsError } from '#errors'
import type { Peekable } from './peekable.ts'
import { brokenStream, truncatedStream, unsupportedStream, windowTooLarge } from './stream-error.ts'
import type { XzWorkerReply, XzWorkerRequest } from './unxz-worker.ts'

/** The dictionary size the WebAssembly decoder is built for. */
const DECODER_WINDOW_BYTES = 64 * 1024 ** 2

/**
 * Decompresses in a worker thread of its own. One decoder a thread is needed,
 * not only wanted: the decoder lets no second stream of the same thread start
 * before the first has ended, so two that are read in turns would wait for ever.
 */
export async function* unxzInWorker(source: Peekable, maxWindowBytes: number): AsyncGenerator<Uint8Array> {
  const name = import.meta.url.endsWith('.ts') ? './unxz-worker.ts' : './unxz-worker.js'
  const worker = new Worker(new URL(name, import.meta.url), { execArgv: [] })
  const replies = new Replies(worker)

  /** Runs beside the reading: what is decoded already must not wait for a slow source. */
  async function feed(): Promise<void> {
    try {
      const result = await source.next()
      send(worker, result.done === true ? { type: 'end' } : { type: 'input', bytes: result.value })
    } catch (error) {
      replies.fail(error)
    }
  }

  try {
    for (;;) {
      const reply = await replies.next()
      switch (reply.type) {
        case 'want-input':
          void feed()
          break
        case 'output':
          yield reply.bytes
          send(worker, { type: 'taken' })
          break
        case 'done':
          return
        case 'failed':
          throw decoderError(reply.message, maxWindowBytes)
      }
    }
  } finally {
    await worker.terminate()
  }
}

/** The replies of a worker in order, as something to wait for. */
class Replies {
  readonly #worker: Worker
  readonly #waiting: XzWorkerReply[] = []
  #failure: { readonly error: unknown } | undefined
  #wake: () => void = () => {}

  constructor(worker: Worker) {
    this.#worker = worker
    // A reader that never comes back must not keep the process alive; one that waits must.
    worker.unref()
    worker.on('message', (reply: XzWorkerReply) => {
      this.#waiting.push(reply)
      this.#wake()
    })
    worker.on('error', (error) => this.fail(workerEnded(error)))
    worker.on('exit', () => this.fail(workerEnded(undefined)))
  }

  /** Makes `error` what the next wait ends with. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#wake()
  }

  async next(): Promise<XzWorkerReply> {
    for (;;) {
      const reply = this.#waiting.shift()
      if (reply !== undefined) return reply
      if (this.#failure !== undefined) throw this.#failure.error
      this.#worker.ref()
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#worker.unref()
    }
  }
}

function workerEnded(cause: unknown): DockerToolsError {
  return new DockerToolsError('INTERNAL', 'Cannot decompress xz stream: the worker thread ended too early', { cause })
}

function send(worker: Worker, request: XzWorkerRequest): void {
  worker.postMessage(request, [])
}

/** Turns the decoder's numbers (`enum xz_ret` of XZ Embedded) into errors. */
function decoderError(message: string, maxWindowBytes: number): DockerToolsError {
  const cause = new Error(message)
  const number = Number(/error code (\d+)/.exec(message)?.[1])
  if (number === 3 || number === 4) {
    const what = `its dictionary is larger than the ${DECODER_WINDOW_BYTES} bytes the built-in decoder takes`
    return windowTooLarge('xz', what, maxWindowBytes)
  }
  if (number === 6) {
    return unsupportedStream('xz', 'it uses a filter or check that the built-in decoder does not know', 'Install xz')
  }
  return number === 8 ? truncatedStream('xz', cause) : brokenStream('xz', 'its data is corrupt', cause)
}
