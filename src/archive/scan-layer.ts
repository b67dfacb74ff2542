import { setImmediate } from 'node:timers/promises'
import { decompress, DETECTION_BYTES, detectCompression } from '#compress'
import { IntegrityError } from '#errors'
import type { Digest } from '#image'
import { type IndexedTarMember, readTar } from '#tar'
import { makeSpool, type Spool } from '#util'
import type { StoredFile } from './image-files.ts'
import type { ImageLimits } from './image-limits.ts'
import { named } from './member-table.ts'
import type { ImageLayer } from './stored-image.ts'
import { verifyDigest } from './verify-digest.ts'

/** A layer's plain tar, checked, that can be read from anywhere. */
export interface PlainLayer extends StoredFile, AsyncDisposable {}

const SPOOL_MEMORY_BYTES = 4 * 1024 * 1024

const BUFFER_BYTES = 1024 * 1024

/**
 * The plain bytes of a layer; at their end both its digests have been checked.
 * A chunk is valid until the next one is asked for.
 */
export async function* readLayer(layer: ImageLayer, what: string, limits: ImageLimits): AsyncGenerator<Uint8Array> {
  const compression = detectCompression(await layer.file.read(0, DETECTION_BYTES))
  const subject = `layer "${layer.name}" of ${what}`
  if (compression === 'none') {
    if (layer.blobDigest !== undefined && layer.blobDigest !== layer.diffId) {
      throw mismatch(subject, layer.diffId, layer.blobDigest)
    }
    yield* verifyDigest(streamThroughBuffer(layer.file), layer.diffId, subject)
    return
  }
  const stored = layer.file.stream()
  const checked = layer.blobDigest === undefined ? stored : verifyDigest(stored, layer.blobDigest, subject)
  try {
    yield* verifyDigest(decompress(compression, checked, limits), layer.diffId, subject)
  } catch (error) {
    throw named(error, subject)
  }
}

/**
 * Reads a layer once from start to end: checks its digests, tells of every member,
 * and gives it for reading from anywhere. A plain layer is read where it is; a
 * compressed one is kept decompressed, in a file without a name.
 */
export async function scanLayer(
  layer: ImageLayer,
  what: string,
  limits: ImageLimits,
  onMember: (member: IndexedTarMember) => void = ignore,
): Promise<PlainLayer> {
  const isPlain = detectCompression(await layer.file.read(0, DETECTION_BYTES)) === 'none'
  const spool = isPlain ? undefined : makeSpool(SPOOL_MEMORY_BYTES)
  try {
    const bytes = readLayer(layer, what, limits)
    const source = spool === undefined ? bytes : copied(bytes, spool)
    const options = { endMarker: 'optional', maxMembers: limits.maxMembers } as const
    for await (const member of readTar(source, options)) onMember(member)
  } catch (error) {
    await spool?.[Symbol.asyncDispose]()
    throw named(error, `layer "${layer.name}" of ${what}`)
  }
  if (spool === undefined) return { ...layer.file, [Symbol.asyncDispose]: () => Promise.resolve() }
  return {
    size: spool.size,
    read: (offset, length) => spool.readAt(offset, length),
    stream: () => spool.read(),
    readNow: (target, offset) => spool.readNow(target, offset),
    [Symbol.asyncDispose]: () => Promise.resolve(spool[Symbol.asyncDispose]()),
  }
}

/** All of a file through one buffer: a new one for each chunk would keep the garbage collector as busy as the hash. */
async function* streamThroughBuffer(file: StoredFile): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(BUFFER_BYTES, file.size))
  for (let position = 0; position < file.size;) {
    const length = file.readNow(buffer.subarray(0, file.size - position), position)
    if (length === 0) return
    yield buffer.subarray(0, length)
    position += length
    // An interrupt is heard only where the loop of events is reached.
    await setImmediate()
  }
}

/** How a layer is compressed, by its first bytes. */
export async function compressionOf(layer: ImageLayer): Promise<ReturnType<typeof detectCompression>> {
  return detectCompression(await layer.file.read(0, DETECTION_BYTES))
}

async function* copied(source: AsyncIterable<Uint8Array>, spool: Spool): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    await spool.write(chunk)
    yield chunk
  }
}

function mismatch(subject: string, expected: Digest, actual: Digest): IntegrityError {
  return new IntegrityError(
    'DIGEST_MISMATCH',
    `Cannot use ${subject}: its digest is "${actual}", it should be "${expected}"`,
    { expected, actual },
  )
}

function ignore(): void {
  // Who only wants the bytes has no use for members.
}
