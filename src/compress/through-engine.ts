import type { Transform } from 'node:stream'

/** What `throughEngine` needs of a source: chunks that are not empty. */
type Chunks = Pick<AsyncIterator<Uint8Array>, 'next'>

/**
 * Runs `source` through `engine`, a stream of node:zlib. The engine works in a
 * thread of its own while the reader uses the chunk before, so reading and
 * feeding go on side by side; back-pressure holds on both sides.
 *
 * The source is not given back here: an engine may end before its source does,
 * and the owner of the source then wants what is left.
 *
 * @param onFed Told of every chunk the engine was handed, also of one that came
 *   when the engine had ended already.
 * @throws An error of the source as it is; an error of the engine as `translate` makes it.
 */
export async function* throughEngine(
  engine: Transform,
  source: Chunks,
  translate: (error: unknown) => unknown,
  onFed: (chunk: Uint8Array) => void = () => {},
): AsyncGenerator<Uint8Array> {
  let sourceError: { readonly error: unknown } | undefined

  async function feed(): Promise<void> {
    try {
      for (;;) {
        const result = await source.next()
        if (result.done === true) break
        onFed(result.value)
        if (isOver(engine)) return
        if (!engine.write(result.value)) await writableAgain(engine)
        if (isOver(engine)) return
      }
      engine.end()
    } catch (error) {
      sourceError = { error }
      engine.destroy(error instanceof Error ? error : new Error('the source failed', { cause: error }))
    }
  }

  // An engine may fail between two reads; the iterator reports that, and no other listener need.
  engine.on('error', () => {})
  const fed = feed()
  try {
    for await (const chunk of engine) yield chunk as Uint8Array
  } catch (error) {
    throw sourceError === undefined ? translate(error) : sourceError.error
  } finally {
    engine.destroy()
    await fed
  }
}

function isOver(engine: Transform): boolean {
  return engine.destroyed || engine.readableEnded
}

/** Waits until `engine` takes more, or never will. */
function writableAgain(engine: Transform): Promise<void> {
  if (isOver(engine)) return Promise.resolve()
  return new Promise((resolve) => {
    const events = ['drain', 'close', 'end'] as const
    const settle = (): void => {
      for (const event of events) engine.off(event, settle)
      resolve()
    }
    for (const event of events) engine.on(event, settle)
  })
}
