import { DockerToolsError } from '#errors'
import type { ByteSink } from '#util'
import { type ChunkPool, chunkBytes, releaseChunk } from './chunk-pool.ts'
import type { LayerAnswer, Measurement, PooledChunk } from './layer-job.ts'

/** Collects the answers to a replay or a making, and hands the bytes on in the order they come. */
export class ReplayReader {
  readonly #pool: ChunkPool
  readonly #arrived: PooledChunk[] = []
  #ended = false
  #failure: DockerToolsError | undefined
  #wake: (() => void) | undefined
  /** What a layer was found to be that was made. */
  measurement: Measurement | undefined

  constructor(pool: ChunkPool) {
    this.#pool = pool
  }

  readonly onAnswer = (answer: LayerAnswer): void => {
    if (answer.kind === 'chunk') this.#arrived.push(answer.chunk)
    else this.#ended = true
    if (answer.kind === 'made') this.measurement = answer.measurement
    if (answer.kind === 'failed') this.#failure = jobFailure(answer)
    this.#wake?.()
  }

  async writeTo(sink: ByteSink): Promise<void> {
    for (;;) {
      const chunk = this.#arrived.shift()
      if (chunk !== undefined) {
        await sink.write(chunkBytes(this.#pool, chunk.index, chunk.length))
        releaseChunk(this.#pool, chunk.index)
      } else if (this.#ended) break
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    if (this.#failure !== undefined) throw this.#failure
  }
}

/** The error that a worker has described. */
export function jobFailure(answer: LayerAnswer & { readonly kind: 'failed' }): DockerToolsError {
  return new DockerToolsError(answer.code, answer.message, answer.hint === undefined ? {} : { hint: answer.hint })
}
