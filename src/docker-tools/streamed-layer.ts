import { DockerToolsError } from '#errors'
import type { MeasuredLayer, UnmeasuredLayer } from '#layer'
import { type ByteSink, iterateWrites } from '#util'
import type { TakenLayer } from './image-parts.ts'

/**
 * The bytes of a layer from `offset` on, as it writes them. Whoever stops reading lets it go on into nothing: what
 * makes layers may not be left in the middle of one.
 */
export async function* streamedFrom(
  offset: number,
  layer: Pick<TakenLayer, 'writeTo'>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let isWanted = true
  const source = iterateWrites(async (sink) => {
    await layer.writeTo({
      write: async (chunk) => {
        if (!isWanted) {
          signal.throwIfAborted()
          return
        }
        try {
          await sink.write(chunk)
        } catch (error) {
          if (isWanted) throw error
        }
      },
    })
  })
  let toSkip = offset
  try {
    // By hand: `for await` would stop the source before it is known here that nobody wants more.
    for (;;) {
      const { done, value } = await source.next()
      if (done === true) return
      signal.throwIfAborted()
      const wanted = value.subarray(Math.min(toSkip, value.length))
      toSkip -= value.length - wanted.length
      if (wanted.length === 0) continue
      yield wanted
    }
  } finally {
    isWanted = false
    await source.return(undefined)
  }
}

/** A layer that is sent while it is measured. */
export class SentWhileMade {
  readonly #made: UnmeasuredLayer
  readonly #signal: AbortSignal
  #measured: Promise<MeasuredLayer> | undefined

  constructor(made: UnmeasuredLayer, signal: AbortSignal) {
    this.#made = made
    this.#signal = signal
  }

  /** The bytes. Asked again, they come from the layer that was measured meanwhile. */
  open(): AsyncIterable<Uint8Array> {
    if (this.#measured !== undefined) return this.#openAgain(this.#measured)
    const measured = Promise.withResolvers<MeasuredLayer>()
    this.#measured = measured.promise
    // It comes out of the bytes, too.
    measured.promise.catch(() => undefined)
    const writeTo = async (sink: ByteSink): Promise<void> => {
      try {
        measured.resolve(await this.#made.writeTo(sink))
      } catch (error) {
        measured.reject(error)
        throw error
      }
    }
    return streamedFrom(0, { writeTo }, this.#signal)
  }

  async *#openAgain(measured: Promise<MeasuredLayer>): AsyncGenerator<Uint8Array> {
    const layer = (await measured).again?.()
    if (layer === undefined) throw new DockerToolsError('INTERNAL', 'Cannot read a layer a second time')
    yield* streamedFrom(0, layer, this.#signal)
  }

  /** What the layer turned out to be, once its bytes have been read, or nobody wants them any more. */
  async measured(): Promise<MeasuredLayer> {
    this.#measured ??= this.#made.writeTo({ write: () => this.#signal.throwIfAborted() })
    return await this.#measured
  }
}
