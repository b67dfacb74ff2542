import type { Duplex } from 'node:stream'

/** Writes all chunks to a pipe, then its end. A reader that has ended takes no more; why it has is told elsewhere. */
export async function give(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, pipe: Duplex): Promise<void> {
  for await (const chunk of chunks) {
    const isTaken = await new Promise<boolean>((resolve) =>
      pipe.write(chunk, (error) => resolve(error === undefined || error === null)),
    )
    if (!isTaken) return
  }
  pipe.end()
}
