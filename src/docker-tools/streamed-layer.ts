import { DockerToolsError } from '#errors'
import type { MeasuredLayer, UnmeasuredLayer } from '#layer'
import { type ByteSink, iterateWrites } from '#util'
import type { TakenLayer } from './image-parts.ts'

/** As much as a connection takes without having sent it: smaller chunks may still wait there when the next one is made. */
const SENT_AT_ONCE_BYTES = 128 * 1024

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
      yield wanted.length < SENT_AT_ONCE_BYTES ? Uint8Array.from(wanted) : wanted
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

  /** The bytes, once. */
  open(): AsyncIterable<Uint8Array> {
    if (this.#measured !== undefined) throw new DockerToolsError('INTERNAL', 'Cannot make a layer a second time')
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

  /** What the layer turned out to be, once its bytes have been read, or nobody wants them any more. */
  async measured(): Promise<MeasuredLayer> {
    this.#measured ??= this.#made.writeTo({ write: () => this.#signal.throwIfAborted() })
    return await this.#measured
  }
}
