/** Takes bytes in order. Nothing may be written before the last write has resolved. */
export interface ByteSink {
  /** The chunk is the caller's again once this resolves. */
  write(chunk: Uint8Array): void | Promise<void>
}

/** Hands every chunk of `source` to `sink`. */
export async function copyTo(source: AsyncIterable<Uint8Array>, sink: ByteSink): Promise<void> {
  for await (const chunk of source) await sink.write(chunk)
}

/**
 * Turns work that writes into an iterable of what it writes, one chunk at a
 * time: `work` waits in `write()` until the chunk has been taken and the next
 * one is asked for, so a chunk is valid only until then.
 *
 * Stopping early makes the pending `write()` reject with `stopped`, and waits
 * for `work` to end.
 */
export async function* iterateWrites(work: (sink: ByteSink) => Promise<void>): AsyncGenerator<Uint8Array> {
  const handover = new Handover()
  const finished = (async () => {
    await handover.whenAsked()
    await work(handover)
  })().then(
    () => handover.end(undefined),
    (error: unknown) => handover.end({ error }),
  )
  try {
    for (;;) {
      const chunk = await handover.take()
      if (chunk === undefined) return
      yield chunk
    }
  } finally {
    handover.stop()
    await finished
  }
}

/** What a writer's `write()` rejects with when nobody reads any more. */
class ReaderStopped extends Error {}

class Handover implements ByteSink {
  #chunk: Uint8Array | undefined
  #ended: { readonly failure: { readonly error: unknown } | undefined } | undefined
  #stopped = false
  #wakeReader: (() => void) | undefined
  #wakeWriter: (() => void) | undefined
  #asked = false

  async whenAsked(): Promise<void> {
    while (!this.#asked && !this.#stopped) await new Promise<void>((resolve) => (this.#wakeWriter = resolve))
    if (this.#stopped) throw new ReaderStopped('The reader stopped')
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return
    this.#chunk = chunk
    this.#asked = false
    this.#wakeReader?.()
    await this.whenAsked()
  }

  async take(): Promise<Uint8Array | undefined> {
    this.#asked = true
    this.#wakeWriter?.()
    while (this.#chunk === undefined && this.#ended === undefined) {
      await new Promise<void>((resolve) => (this.#wakeReader = resolve))
    }
    const chunk = this.#chunk
    this.#chunk = undefined
    if (chunk === undefined && this.#ended?.failure !== undefined) throw this.#ended.failure.error
    return chunk
  }

  end(failure: { readonly error: unknown } | undefined): void {
    this.#ended = { failure }
    this.#wakeReader?.()
  }

  stop(): void {
    this.#stopped = true
    this.#wakeWriter?.()
  }
}
