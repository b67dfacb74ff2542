import { availableParallelism } from 'node:os'
import {
  describe,
  encodeIndex,
  encodeManifest,
  IMAGE_TYPES,
  type ImageTypes,
  type WrittenDescriptor,
  writtenPlatform,
} from '#archive'
import { CompressionThreads, type CompressorName } from '#compress'
import { DockerToolsError } from '#errors'
import { withReporter } from '#events'
import { formatPlatform } from '#image'
import {
  formatReference,
  type ImageReference,
  type ManifestToPut,
  openRegistry,
  parseReference,
  putManifest,
  type RegistryClient,
} from '#registry'
import { checkOptions } from './check-options.ts'
import { interruptible } from './interruptible.ts'
import { PackedCache } from './packed-cache.ts'
import { cacheDirectoryOf } from './cache-directory.ts'
import type { ImageParts } from './image-parts.ts'
import type { PathArgument } from './layered-image-args.ts'
import type { MultiPlatformImage } from './multi-platform-image.ts'
import { BlobPusher } from './push-blobs.ts'
import { LayerPusher } from './push-layers.ts'
import type { PushOptions, PushSummary } from './push-options.ts'
import { openPushSource, type PushSource } from './push-source.ts'
import type { BuildOptions } from './recipe.ts'

/** Blocks of zstd are large: more threads would hold more memory than they gain time. */
const MAX_ZSTD_THREADS = 4

/**
 * Pushes an image to a registry: what an image function returned, layer by layer as it is made, or an archive.
 *
 * Nothing is sent that is there. Layers are compressed on all cores while others are uploaded; what a layer became
 * is kept in the cache, so that it is not compressed again, nor even read where the registry has it. Memory does not
 * grow with the image. The manifest comes last: what is broken off has no name.
 *
 * @param image What an image function returned, or an archive: a path that starts with `/`, `./` or `../`.
 * @param reference `[REGISTRY/]NAME[:TAG]`, with `latest` as tag where there is none. Default: what the image calls
 *   itself.
 * @param options Tags, compression, platform, registry and limits; the others are those of all recipes.
 * @returns The digest that the image has in the registry, the same for every push of the same image.
 * @throws {TransferError} `ACCESS_DENIED`, `TRANSFER_FAILED`, with the registry, the repository and its reasons.
 * @throws {DockerToolsError} `DEFINITION_INVALID` for a reference or options that cannot be; as the recipe, and as
 *   `exportImage` for archives.
 * @throws {IntegrityError} `DIGEST_MISMATCH` for a layer that is not what its image says.
 * @remarks Not in nixpkgs.
 *
 * @example Push an image under two tags
 * ```ts no-run
 * import { pushImage, streamLayeredImage } from 'dockertools'
 *
 * const image = streamLayeredImage({ name: 'site', tag: '1.0', contents: './examples/site/pages' })
 * const { references } = await pushImage(image, 'localhost:5000/site:1.0', { tags: ['latest'] })
 * console.log(references.join('\n'))
 * ```
 */
export async function pushImage(
  image: PathArgument | MultiPlatformImage,
  reference?: string,
  options: PushOptions = {},
): Promise<PushSummary> {
  checkOptions(options)
  return await withReporter(options.onEvent, () =>
    interruptible(options.signal, async () => {
      const types = checkTypes(options)
      const failure = new AbortController()
      const signal = options.signal === undefined ? failure.signal : AbortSignal.any([options.signal, failure.signal])
      // One thread measures many times faster than all others compress; what it saves in memory they need.
      const { onEvent: _, ...given } = options
      const building: BuildOptions = { ...given, threads: options.threads ?? 1, signal }
      await using stack = new AsyncDisposableStack()
      const source = await openPushSource(image, options, building, stack)
      const target = await targetOf(reference, source)
      const references = referencesOf(target, options.tags ?? [])
      const client = openRegistry(target, 'push', registryOptions(options, signal))
      const cache = stack.use(cacheOf(options))
      const blobs = new BlobPusher(client, cache, uploadOptions(options, signal))
      // Beside what comes before the first layer.
      void blobs.mayGoAhead()
      const threads = stack.use(new CompressionThreads(threadsFor(options.compress)))
      let firstFailure: { readonly error: unknown } | undefined
      const fail = (error: unknown): void => {
        firstFailure ??= { error }
        failure.abort(error)
      }
      const pushing = { blobs, cache, threads, compress: options.compress, mediaType: mediaTypes(types), signal, fail }
      const layers = new LayerPusher(pushing)
      try {
        const manifest = await pushManifests(source, { client, types, blobs, layers, fail })
        let digest = describe(manifest.mediaType, manifest.bytes).digest
        for (const { tag } of references) digest = await putManifest(client, tag ?? '', manifest)
        return { digest, references: references.map((one) => formatReference({ ...one, digest })), ...blobs.summary }
      } catch (error) {
        throw firstFailure?.error ?? error
      }
    }),
  )
}

interface Tools {
  readonly client: RegistryClient
  readonly types: ImageTypes
  readonly blobs: BlobPusher
  readonly layers: LayerPusher
  /** Stops all that is going on. */
  readonly fail: (error: unknown) => void
}

/** Everything but what the tags name: that comes last. */
async function pushManifests(source: PushSource, tools: Tools): Promise<ManifestToPut> {
  const { client, types } = tools
  const children: { readonly descriptor: WrittenDescriptor; readonly bytes: Uint8Array }[] = []
  for (const one of source.images) children.push(await one.use((parts) => pushParts(parts, tools)))
  const [only] = children
  if (only === undefined) throw new DockerToolsError('INTERNAL', 'Cannot push an image: there is none')
  if (!source.isIndex) return { mediaType: types.manifest, bytes: only.bytes }
  const platforms = children.map(({ descriptor: { platform } }) =>
    platform === undefined ? '' : formatPlatform({ variant: undefined, ...platform }),
  )
  const twice = platforms.find((platform, index) => platforms.indexOf(platform) !== index)
  if (twice !== undefined) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot push an index: two images are for "${twice}", each should be for a platform of its own`,
    )
  }
  for (const { descriptor, bytes } of children) {
    await putManifest(client, descriptor.digest, { mediaType: types.manifest, bytes })
  }
  const manifests = children.map(({ descriptor }) => descriptor)
  return { mediaType: types.index, bytes: encodeIndex(manifests, types.index) }
}

async function pushParts(parts: ImageParts, tools: Tools) {
  try {
    return await pushPartsOf(parts, tools)
  } catch (error) {
    // Whoever still reads the parts has to stop before they are closed.
    tools.fail(error)
    await tools.layers.settled()
    throw error
  }
}

async function pushPartsOf(parts: ImageParts, { types, blobs, layers }: Tools) {
  const pushed = await layers.push(parts.layers)
  const { bytes, platform } = await parts.config()
  const config = describe(types.config, bytes)
  const [descriptors] = await Promise.all([
    Promise.all(pushed),
    blobs.push({
      ...config,
      async *open(offset) {
        yield bytes.subarray(offset)
      },
    }),
  ])
  const manifest = encodeManifest(config, descriptors, types.manifest)
  const descriptor = { ...describe(types.manifest, manifest), platform: writtenPlatform(platform) }
  return { descriptor, bytes: manifest }
}

function checkTypes({ format = 'oci', compress }: PushOptions): ImageTypes {
  const types = (IMAGE_TYPES as Readonly<Record<string, ImageTypes | undefined>>)[format]
  if (types === undefined) {
    throw new DockerToolsError('DEFINITION_INVALID', `Cannot push as "${format}": it should be "oci" or "docker"`)
  }
  if (compress !== undefined) mediaTypes(types)(compress)
  return types
}

function mediaTypes({ layers }: ImageTypes): (compressor: CompressorName) => string {
  return (compressor) => {
    const found = (layers as Readonly<Record<string, string | undefined>>)[compressor]
    if (found !== undefined) return found
    const isKnown = Object.keys(layers).includes(compressor)
    const reason = isKnown ? 'Docker’s media types have none for it' : 'it should be "gz", "zstd" or "none"'
    const hint = 'Use the format "oci", or compress with gz'
    const message = `Cannot push layers compressed with "${compressor}": ${reason}`
    throw new DockerToolsError('DEFINITION_INVALID', message, isKnown ? { hint } : {})
  }
}

async function targetOf(reference: string | undefined, source: PushSource): Promise<ImageReference> {
  const name = reference ?? (await source.name())
  if (name === undefined) {
    throw new DockerToolsError('DEFINITION_INVALID', 'Cannot push the image: it has no name, and none was given')
  }
  const parsed = parseReference(name)
  if (parsed.digest === undefined) return { ...parsed, tag: parsed.tag ?? 'latest' }
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot push to "${name}": it has a digest, which only the push itself finds out`,
    { hint: 'Give a tag, or nothing, in its place' },
  )
}

/** The image under all its tags, each once. */
function referencesOf(target: ImageReference, tags: readonly string[]): readonly ImageReference[] {
  const all = new Set([target.tag, ...tags.map((tag) => parseReference(`x/x:${tag}`).tag)])
  return [...all].map((tag) => ({ ...target, tag }))
}

function cacheOf(options: PushOptions): PackedCache {
  return new PackedCache(cacheDirectoryOf(options), options.now ?? (() => performance.timeOrigin + performance.now()))
}

function registryOptions({ tlsVerify, certificatesDirectory, environment }: PushOptions, signal: AbortSignal) {
  return {
    signal,
    ...(tlsVerify === undefined ? {} : { tlsVerify }),
    ...(certificatesDirectory === undefined ? {} : { certificatesDirectory }),
    ...(environment === undefined ? {} : { environment }),
  }
}

function uploadOptions({ mountFrom, uploadChunkBytes }: PushOptions, signal: AbortSignal) {
  return { signal, chunkBytes: uploadChunkBytes, ...(mountFrom === undefined ? {} : { mountFrom }) }
}

function threadsFor(compress: CompressorName | undefined): number {
  const cores = availableParallelism()
  return compress === 'zstd' ? Math.min(cores, MAX_ZSTD_THREADS) : Math.min(cores, 8)
}
