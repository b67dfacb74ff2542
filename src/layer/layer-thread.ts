import { Worker } from 'node:worker_threads'
import { DockerToolsError } from '#errors'
import type { LayerAnswer, LayerJob, LayerWorkerData } from './layer-job.ts'

/** A worker thread that runs one layer job after the other. */
export class LayerThread implements AsyncDisposable {
  readonly #worker: Worker
  readonly #waiting = new Map<number, (answer: LayerAnswer) => void>()
  #failure: DockerToolsError | undefined

  /** @param data `writer` matters only for a thread that is given layers to hand over. */
  constructor(data: LayerWorkerData) {
    const file = import.meta.url.endsWith('.ts') ? './layer-worker.ts' : './layer-worker.js'
    this.#worker = new Worker(new URL(file, import.meta.url), {
      workerData: data,
      // The work leaves only short-lived objects behind: a small nursery stays in the processor's cache.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
      // Nothing is ever printed there, and a thread without them starts sooner.
      stdout: true,
      stderr: true,
    })
    this.#worker.unref()
    this.#worker.on('message', (answer: LayerAnswer) => this.#waiting.get(answer.id)?.(answer))
    this.#worker.on('error', (error) => this.#fail(error))
  }

  /**
   * Posts a job; `onAnswer` gets all its answers. Jobs run in the order they are posted in.
   * While jobs are open, the thread keeps the process alive.
   */
  post(job: LayerJob, onAnswer: (answer: LayerAnswer) => void): void {
    if (this.#failure !== undefined) {
      onAnswer({ id: job.id, kind: 'failed', code: 'INTERNAL', message: this.#failure.message, hint: undefined })
      return
    }
    this.#waiting.set(job.id, (answer) => {
      if (answer.kind !== 'chunk') this.#forget(job.id)
      onAnswer(answer)
    })
    this.#worker.ref()
    this.#worker.postMessage(job)
  }

  /** Jobs that were posted and have not been answered. */
  get openJobs(): number {
    return this.#waiting.size
  }

  /** Ends the thread. Jobs that it has not done fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
    this.#answerAll(stoppedJob)
  }

  #forget(id: number): void {
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) this.#worker.unref()
  }

  #fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    this.#failure = new DockerToolsError('INTERNAL', `Cannot make layers: a worker thread died: ${reason}`, {
      cause: error,
    })
    const { message } = this.#failure
    this.#answerAll((id) => ({ id, kind: 'failed', code: 'INTERNAL', message, hint: undefined }))
  }

  #answerAll(failed: (id: number) => LayerAnswer): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const [id, answer] of waiting) answer(failed(id))
  }
}

/** The answer to a job that nobody will do any more. */
export function stoppedJob(id: number): LayerAnswer {
  const message = 'Cannot make a layer: the work was stopped'
  return { id, kind: 'failed', code: 'INTERRUPTED', message, hint: undefined }
}
