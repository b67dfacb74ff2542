/** A source whose first bytes can be looked at before it is read. */
export interface Peekable extends AsyncIterableIterator<Uint8Array> {
  /** The first `count` bytes, or all there are if they are fewer. They will still be read. */
  peek(count: number): Promise<Uint8Array>
  /** Gives the source back, also if it was never read from. */
  return(): Promise<IteratorResult<Uint8Array>>
}

/**
 * Wraps `source`. Empty chunks are left out, so that no reader takes one for the end.
 *
 * @param onChunk Called once for every chunk that leaves.
 */
export function peekable(source: AsyncIterable<Uint8Array>, onChunk: (chunk: Uint8Array) => void): Peekable {
  const iterator = source[Symbol.asyncIterator]()
  let held: Uint8Array | undefined
  let done = false

  async function nextChunk(): Promise<Uint8Array | undefined> {
    while (!done) {
      const result = await iterator.next()
      if (result.done === true) done = true
      else if (result.value.length > 0) return result.value
    }
    return undefined
  }

  return {
    async peek(count) {
      while (held === undefined || held.length < count) {
        const chunk = await nextChunk()
        if (chunk === undefined) break
        held = held === undefined ? chunk : Buffer.concat([held, chunk])
      }
      return held?.subarray(0, count) ?? new Uint8Array(0)
    },
    async next() {
      const chunk = held ?? (await nextChunk())
      held = undefined
      if (chunk === undefined) return { done: true, value: undefined }
      onChunk(chunk)
      return { done: false, value: chunk }
    },
    async return() {
      if (!done) {
        done = true
        held = undefined
        await iterator.return?.()
      }
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
