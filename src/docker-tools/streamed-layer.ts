import { iterateWrites } from '#util'
import type { TakenLayer } from './image-parts.ts'

/** As much as a connection takes without having sent it: smaller chunks may still wait there when the next one is made. */
const SENT_AT_ONCE_BYTES = 128 * 1024

/**
 * The bytes of a layer from `offset` on, as it writes them. Whoever stops reading lets it go on into nothing: what
 * makes layers may not be left in the middle of one.
 *
 * @param onEnd Called when the layer has been written, or read as far as anybody wanted.
 */
export async function* streamedFrom(
  offset: number,
  layer: TakenLayer,
  signal: AbortSignal,
  onEnd: () => void,
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
    onEnd()
  }
}
