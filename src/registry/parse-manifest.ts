import { DockerToolsError } from '#errors'
import {
  type Digest,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseDigest,
  parseJson,
  type Platform,
  platformOf,
} from '#image'
import { INDEX_TYPES, isConfigType, isLayerType, MANIFEST_TYPES } from './media-types.ts'

/** Bytes that a manifest names. */
export interface BlobDescriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
}

/** A manifest that an index names. */
export interface IndexEntry extends BlobDescriptor {
  readonly platform: Platform | undefined
}

/** What a registry has under a tag or digest. */
export type Manifest =
  | { readonly type: 'image'; readonly config: BlobDescriptor; readonly layers: readonly BlobDescriptor[] }
  | { readonly type: 'index'; readonly entries: readonly IndexEntry[] }

const MAX_LAYERS = 10_000

/**
 * Reads a manifest or an index, Docker's or OCI's. The bytes decide which, so that it is the same without the registry.
 *
 * @param what Names it in errors.
 * @throws {DockerToolsError} `FORMAT_INVALID`; `FORMAT_UNSUPPORTED` for schema 1, for artifacts that are no images,
 *   and for layers that are no tars; `LIMIT_EXCEEDED`.
 */
export function parseManifest(bytes: Uint8Array, what: string): Manifest {
  const root = parseJson(Buffer.from(bytes).toString('utf8'), what)
  if (!isJsonObject(root)) throw invalid(what, 'it should be a JSON object')
  const mediaType = root.get('mediaType')
  const [hasLayers, hasManifests] = [root.has('layers') || root.has('config'), root.has('manifests')]
  if (root.get('schemaVersion') === 1) {
    throw new DockerToolsError(
      'FORMAT_UNSUPPORTED',
      `Cannot use ${what}: it is a manifest of schema 1, it should be one of schema 2 or of OCI`,
      { hint: 'Push the image again with a program of this decade, or copy it with an older skopeo' },
    )
  }
  // What one reader takes for an image and another for an index has two meanings under one digest.
  if (hasLayers && hasManifests) throw invalid(what, 'it has both layers and manifests, it should have one of them')
  if (hasManifests && isOneOf(INDEX_TYPES, mediaType)) return parseIndex(root, what)
  if (hasLayers && isOneOf(MANIFEST_TYPES, mediaType)) return parseImage(root, what)
  throw new DockerToolsError(
    'FORMAT_UNSUPPORTED',
    `Cannot use ${what}: its media type is ${JSON.stringify(mediaType ?? null)}, it should be an image or an index`,
  )
}

/** OCI lets a manifest go without its type. */
function isOneOf(types: readonly string[], mediaType: JsonValue | undefined): boolean {
  return mediaType === undefined || mediaType === '' || types.some((type) => type === mediaType)
}

function parseIndex(root: JsonObject, what: string): Manifest {
  const manifests = root.get('manifests')
  if (!isJsonArray(manifests)) throw invalid(what, 'its "manifests" should be a list')
  return {
    type: 'index',
    entries: manifests.map((entry) => ({
      ...parseDescriptor(entry, what),
      platform: isJsonObject(entry) ? platformOf(entry.get('platform')) : undefined,
    })),
  }
}

function parseImage(root: JsonObject, what: string): Manifest {
  const list = root.get('layers') ?? []
  if (!isJsonArray(list)) throw invalid(what, 'its "layers" should be a list')
  if (list.length > MAX_LAYERS) {
    throw new DockerToolsError(
      'LIMIT_EXCEEDED',
      `Cannot use ${what}: it has ${list.length} layers, it should have ${MAX_LAYERS} at most`,
    )
  }
  const config = parseDescriptor(root.get('config'), what)
  if (!isConfigType(config.mediaType)) {
    throw new DockerToolsError(
      'FORMAT_UNSUPPORTED',
      `Cannot use ${what}: it is an artifact of type "${config.mediaType}", it should be an image`,
    )
  }
  const layers = list.map((layer) => parseDescriptor(layer, what))
  const other = layers.find((layer) => !isLayerType(layer.mediaType))
  if (other === undefined) return { type: 'image', config, layers }
  throw new DockerToolsError(
    'FORMAT_UNSUPPORTED',
    `Cannot use ${what}: a layer has the media type "${other.mediaType}", it should be a tar, plain or compressed with gzip or zstd`,
  )
}

function parseDescriptor(value: JsonValue | undefined, what: string): BlobDescriptor {
  if (!isJsonObject(value)) throw invalid(what, 'a descriptor in it should be an object')
  const [mediaType, digest, size] = ['mediaType', 'digest', 'size'].map((name) => value.get(name))
  if (typeof digest !== 'string') throw invalid(what, 'a descriptor in it has no "digest"')
  if (typeof size !== 'number' || size < 0 || !Number.isSafeInteger(size)) {
    throw invalid(what, 'the size in a descriptor should be a whole number of bytes')
  }
  return { mediaType: typeof mediaType === 'string' ? mediaType : '', digest: digestIn(digest, what), size }
}

function digestIn(text: string, what: string): Digest {
  try {
    return parseDigest(text)
  } catch (error) {
    throw new DockerToolsError(
      'FORMAT_INVALID',
      `Cannot use ${what}: a digest in it should be "sha256:" and 64 lower-case hexadecimal digits`,
      { cause: error },
    )
  }
}

function invalid(what: string, reason: string): DockerToolsError {
  return new DockerToolsError('FORMAT_INVALID', `Cannot read ${what}: ${reason}`)
}
