import { closeSync, openSync, writeSync } from 'node:fs'
import { scanReferences, type StorePath, storePathHash } from '#store'
import { type ByteSink, iterateWrites } from '#util'

/**
 * Writes a new file, and finds which of some store paths it refers to, as Nix
 * does: those whose hash parts stand in its bytes. What is compressed hides them.
 *
 * @param known Paths it may refer to.
 */
export async function writeScanned(
  file: string,
  known: readonly StorePath[],
  write: (sink: ByteSink) => Promise<unknown>,
): Promise<StorePath[]> {
  const fd = openSync(file, 'wx', 0o644)
  async function* saved(): AsyncGenerator<Uint8Array> {
    const chunks = iterateWrites(async (sink) => {
      await write(sink)
    })
    for await (const chunk of chunks) {
      for (let done = 0; done < chunk.length;) done += writeSync(fd, chunk, done)
      yield chunk
    }
  }
  try {
    return await findKnown(saved(), known)
  } finally {
    closeSync(fd)
  }
}

/** Those of `known` whose hash parts stand in the bytes. */
export async function findKnown(source: AsyncIterable<Uint8Array>, known: readonly StorePath[]): Promise<StorePath[]> {
  const { hashParts } = await scanReferences(source, { knownHashParts: new Set(known.map(storePathHash)) })
  return known.filter((path) => hashParts.has(storePathHash(path)))
}
