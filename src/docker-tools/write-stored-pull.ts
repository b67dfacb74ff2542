import { createReadStream } from 'node:fs'
import { readSkopeoSummary } from '#archive'
import type { StorePath } from '#store'
import type { ByteSink } from '#util'
import type { BuildContext } from './build-context.ts'
import { fileOfStorePath } from './file-of-store-path.ts'
import { expectHash, type FixedHash } from './fixed-hash.ts'
import { HashedSink, WITHHELD_BYTES } from './hashed-sink.ts'
import type { ImageSummary } from './recipe.ts'

/** What an archive is known by. */
export interface KnownArchive {
  readonly expected: FixedHash
  /** `name:tag`. */
  readonly repoTag: string
  /** Names it in errors. */
  readonly what: string
}

const BUFFER_BYTES = 512 * 1024

/**
 * Writes the archive that a store has in place of one that would be pulled. It is hashed again: damage in a store is
 * found out as damage on the way is.
 *
 * @throws {IntegrityError} `DIGEST_MISMATCH`, before the end of the archive is written.
 */
export async function writeStoredPull(
  path: StorePath,
  { expected, repoTag, what }: KnownArchive,
  { store, signal }: BuildContext,
  sink: ByteSink,
): Promise<ImageSummary> {
  await using file = await fileOfStorePath(path, 'pullImage', store)
  const { imageId, layers, size } = await readSkopeoSummary(file.path, what)
  const hashed = new HashedSink(expected.hash.algorithm, sink)
  // In two parts, so that the end is a chunk by itself.
  const endBytes = Math.min(WITHHELD_BYTES, size)
  if (size > endBytes) await copyPart(file.path, 0, size - endBytes, hashed, signal)
  await copyPart(file.path, size - endBytes, endBytes, hashed, signal)
  expectHash(expected, hashed.finish(), what)
  await hashed.release()
  return { imageId, repoTag, layers, archiveBytes: size }
}

async function copyPart(
  path: string,
  start: number,
  size: number,
  sink: ByteSink,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = { start, end: start + size - 1, highWaterMark: BUFFER_BYTES }
  for await (const chunk of createReadStream(path, options)) {
    signal?.throwIfAborted()
    await sink.write(chunk as Uint8Array)
  }
}
