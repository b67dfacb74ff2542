import { DockerToolsError, IntegrityError } from '#errors'
import {
  type Digest,
  digestHex,
  digestOf,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseDigest,
  type Platform,
  platformOf,
} from '#image'
import type { ImageFiles, StoredFile } from './image-files.ts'
import { invalid, type ReadContext, readSmall } from './read-image.ts'

/** What a manifest or an index says of a blob. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  readonly platform: Platform | undefined
  readonly annotations: ReadonlyMap<string, string>
}

export function parseDescriptor(value: JsonValue | undefined, context: ReadContext): Descriptor {
  if (!isJsonObject(value)) throw invalid(context, 'a descriptor should be an object')
  const [mediaType, digest, size] = ['mediaType', 'digest', 'size'].map((name) => value.get(name))
  if (typeof digest !== 'string') throw invalid(context, 'a descriptor has no "digest"')
  if (typeof size !== 'number' || size < 0 || !Number.isSafeInteger(size)) {
    throw invalid(context, `the size of "${digest}" should be a whole number of bytes`)
  }
  return {
    mediaType: typeof mediaType === 'string' ? mediaType : '',
    digest: digestIn(digest, context),
    size,
    platform: platformOf(value.get('platform')),
    annotations: readAnnotations(value),
  }
}

/** The name of a blob in an OCI layout. */
export function blobName(digest: Digest): string {
  return `blobs/sha256/${digestHex(digest)}`
}

/** @throws {IntegrityError} `SIZE_MISMATCH` if it has not the size that is said of it. */
export async function openBlob(files: ImageFiles, blob: Descriptor, { what }: ReadContext): Promise<StoredFile> {
  const file = await files.file(blobName(blob.digest))
  if (file.size === blob.size) return file
  throw new IntegrityError(
    'SIZE_MISMATCH',
    `Cannot use ${what}: blob "${blob.digest}" has ${file.size} bytes, it should have ${blob.size}`,
    { expected: String(blob.size), actual: String(file.size) },
  )
}

/** The bytes of a manifest, an index or a configuration, checked against their digest. */
export async function readBlob(
  files: ImageFiles,
  blob: Descriptor,
  limit: 'maxManifestBytes' | 'maxConfigBytes',
  context: ReadContext,
): Promise<Uint8Array> {
  const bytes = await readSmall(await openBlob(files, blob, context), blobName(blob.digest), limit, context)
  const actual = digestOf(bytes)
  if (actual === blob.digest) return bytes
  throw new IntegrityError(
    'DIGEST_MISMATCH',
    `Cannot use ${context.what}: the digest of a blob is "${actual}", it should be "${blob.digest}"`,
    { expected: blob.digest, actual },
  )
}

function digestIn(text: string, { what }: ReadContext): Digest {
  try {
    return parseDigest(text)
  } catch (error) {
    const reason = `digest "${text}" should be "sha256:" and 64 lower-case hexadecimal digits`
    throw new DockerToolsError('FORMAT_INVALID', `Cannot read ${what}: ${reason}`, { cause: error })
  }
}

function readAnnotations(value: JsonObject): ReadonlyMap<string, string> {
  const annotations = value.get('annotations')
  const entries = isJsonObject(annotations) ? [...annotations] : []
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
