import { DockerToolsError, IntegrityError } from '#errors'
import { readResponse } from '#http'
import { type Digest, digestOf, parseDigest, type Platform } from '#image'
import { BlobCache } from './blob-cache.ts'
import { BlobSource } from './blob-source.ts'
import { chooseEntry } from './choose-entry.ts'
import { INDEX_TYPES, isForeignLayerType, MANIFEST_TYPES } from './media-types.ts'
import { type BlobDescriptor, type Manifest, parseManifest } from './parse-manifest.ts'
import { formatReference, type ImageReference } from './reference.ts'
import { openRegistry, type RegistryClient } from './registry-client.ts'
import type { Subject } from './registry-error.ts'
import type { RegistryOptions } from './registry-options.ts'

/** How an image is read from a registry. */
export interface PullOptions extends RegistryOptions {
  /** Folder where blobs are kept; undefined keeps none. */
  readonly cacheDirectory?: string | undefined
}

/** An image in a registry. Its layers have not been fetched. */
export interface RemoteImage {
  /** With the digest of what was asked for: an index where there is one. */
  readonly reference: ImageReference & { readonly digest: Digest }
  /** Digest of the manifest for the platform. */
  readonly manifestDigest: Digest
  readonly rawManifest: Uint8Array
  readonly rawConfig: Uint8Array
  /** What the index has, in its order; empty where there is none. */
  readonly platforms: readonly Platform[]
  /** Lowest first. */
  readonly layers: readonly BlobDescriptor[]
  /**
   * Hands the bytes of a layer to `use`, as they are stored; they have been checked once this has ended well.
   *
   * @param use May be called twice, from the start.
   */
  useLayer<T>(layer: BlobDescriptor, use: (bytes: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T>
}

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024
const MAX_CONFIG_BYTES = 8 * 1024 * 1024
/** An index may name an index. Nobody needs more of them. */
const MAX_INDEXES = 4
const ACCEPT = [...MANIFEST_TYPES, ...INDEX_TYPES].join(', ')

/**
 * Reads manifest and configuration of an image, of the one for `platform` where there are several; everything is
 * checked against its digest. With a digest in `reference` and a cache that has it all, nothing is sent.
 *
 * @throws {TransferError} `IMAGE_MISSING`, `ACCESS_DENIED`, `TRANSFER_FAILED`.
 * @throws {DockerToolsError} `IMAGE_MISSING` for a platform that is not there; as `parseManifest`.
 * @throws {IntegrityError} `DIGEST_MISMATCH`, `SIZE_MISMATCH`.
 */
export async function openRemoteImage(
  reference: ImageReference,
  platform: Platform,
  action: Subject['action'],
  options: PullOptions,
): Promise<RemoteImage> {
  const client = openRegistry(reference, action, options)
  const cache = options.cacheDirectory === undefined ? undefined : new BlobCache(options.cacheDirectory)
  const source = new BlobSource(client, cache)
  const { repository } = reference
  const read = (blob: BlobDescriptor, kind: 'manifests' | 'blobs', what: string): Promise<Uint8Array> =>
    source.withBlob(
      blob,
      {
        path: `${repository}/${kind}/${blob.digest}`,
        what,
        ...(kind === 'manifests' ? { headers: { accept: ACCEPT } } : {}),
      },
      collect,
    )

  const first = await readFirst(client, cache, reference)
  const digest = digestOf(first)
  let rawManifest = first
  let manifest = parse(first, digest, client)
  const platforms: Platform[] = []
  for (let indexes = 0; manifest.type === 'index'; indexes++) {
    const shown = formatReference(reference)
    if (indexes === MAX_INDEXES) {
      throw new DockerToolsError('LIMIT_EXCEEDED', `Cannot use "${shown}": its index names an index, again and again`)
    }
    platforms.push(...manifest.entries.flatMap(({ platform: one }) => (one === undefined ? [] : [one])))
    const entry = chooseEntry(manifest.entries, platform, `"${shown}"`)
    checkSize(entry, MAX_MANIFEST_BYTES, `manifest "${entry.digest}" of "${shown}"`)
    rawManifest = await read(entry, 'manifests', `manifest "${entry.digest}"`)
    manifest = parse(rawManifest, entry.digest, client)
  }
  const { config, layers } = manifest
  checkSize(config, MAX_CONFIG_BYTES, `the configuration of "${formatReference(reference)}"`)
  return {
    reference: { ...reference, digest },
    manifestDigest: digestOf(rawManifest),
    rawManifest,
    platforms,
    rawConfig: await read(config, 'blobs', `configuration "${config.digest}"`),
    layers,
    async useLayer(layer, use) {
      const what = `layer "${layer.digest}"`
      try {
        return await source.withBlob(layer, { path: `${repository}/blobs/${layer.digest}`, what }, use)
      } catch (error) {
        throw isForeignLayerType(layer.mediaType) ? foreignLayer(layer, reference, error) : error
      }
    },
  }
}

/** The manifest that is asked for: its size is not known before it is there. */
async function readFirst(
  client: RegistryClient,
  cache: BlobCache | undefined,
  reference: ImageReference,
): Promise<Uint8Array> {
  const { digest, tag = 'latest', repository } = reference
  const cached = digest === undefined || cache === undefined ? undefined : await readCached(cache, digest)
  if (cached !== undefined) return cached
  const what = `manifest "${digest ?? tag}"`
  try {
    await using response = await client.request({
      path: `${repository}/manifests/${digest ?? tag}`,
      what,
      scopes: [`repository:${repository}:pull`],
      headers: { accept: ACCEPT },
      maxBytes: MAX_MANIFEST_BYTES,
      isImmutable: digest !== undefined,
    })
    const bytes = await readResponse(response, MAX_MANIFEST_BYTES)
    const actual = digestOf(bytes)
    const expected = digest ?? promisedDigest(response.headers)
    if (expected !== undefined && actual !== expected) {
      throw new IntegrityError(
        'DIGEST_MISMATCH',
        `Cannot use ${what} of "${formatReference(reference)}": its digest is "${actual}", it should be "${expected}"`,
        { expected, actual },
      )
    }
    if (cache !== undefined) await collect(cache.keep(actual, once(bytes)))
    return bytes
  } catch (error) {
    throw client.explain(error)
  }
}

async function readCached(cache: BlobCache, digest: Digest): Promise<Uint8Array | undefined> {
  if (!(await cache.has(digest, undefined))) return undefined
  const bytes = await collect(cache.read(digest)).catch(() => undefined)
  if (bytes !== undefined && digestOf(bytes) === digest) return bytes
  await cache.discard(digest)
  return undefined
}

function promisedDigest(headers: Readonly<Record<string, string>>): Digest | undefined {
  const text = headers['docker-content-digest']
  return text === undefined || !/^sha256:[0-9a-f]{64}$/.test(text) ? undefined : parseDigest(text)
}

function parse(bytes: Uint8Array, digest: Digest, { reference }: RegistryClient): Manifest {
  return parseManifest(bytes, `manifest "${digest}" of "${reference.registry}/${reference.repository}"`)
}

function checkSize({ size }: BlobDescriptor, limit: number, what: string): void {
  if (size <= limit) return
  throw new DockerToolsError(
    'LIMIT_EXCEEDED',
    `Cannot use ${what}: it has ${size} bytes, it should have ${limit} at most`,
  )
}

/** Only the registry is asked for such layers: a manifest does not choose which hosts this machine talks to. */
function foreignLayer(layer: BlobDescriptor, reference: ImageReference, error: unknown): unknown {
  if (!(error instanceof DockerToolsError) || error.code !== 'IMAGE_MISSING') return error
  return new DockerToolsError(
    'FORMAT_UNSUPPORTED',
    `Cannot pull "${formatReference(reference)}": layer "${layer.digest}" is kept outside of the registry, it should be in it`,
    { cause: error, hint: 'Layers are not fetched from the addresses that a manifest gives' },
  )
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
