import { withReporter } from '#events'
import {
  type Digest,
  digestOf,
  formatPlatform,
  hostPlatform,
  isJsonArray,
  isJsonObject,
  type JsonValue,
  parseJson,
  parsePlatform,
} from '#image'
import { formatReference, openRemoteImage, parseReference } from '#registry'
import { cacheDirectoryOf } from './cache-directory.ts'
import { type RegistryPullOptions, registryOptions } from './pull-archive.ts'

/** What is told of a layer in a registry. */
export interface RemoteLayerReport {
  readonly digest: Digest
  /** Bytes as stored. */
  readonly storedBytes: number
  readonly mediaType: string
  readonly createdBy: string | null
}

/** What is told of an image in a registry. */
export interface RemoteImageReport {
  /** With its registry, without tag and digest. */
  readonly name: string
  /** Of what the name stands for: an index where there is one. */
  readonly digest: Digest
  /** Of the manifest for the platform. */
  readonly manifestDigest: Digest
  readonly imageId: Digest
  readonly platform: string
  /** Of all platforms that the index has; empty where there is none. */
  readonly platforms: readonly string[]
  readonly created: string | null
  readonly storedBytes: number
  readonly layers: readonly RemoteLayerReport[]
  /** `config` as the configuration has it. */
  readonly config: JsonValue
}

/**
 * Tells what an image in a registry is made of. Layers are not fetched.
 *
 * @param name `[REGISTRY/]NAME[:TAG][@DIGEST]`.
 * @param options `platform`: `OS/ARCHITECTURE[/VARIANT]`; default: this machine's.
 * @throws As `pullImage` when it is used.
 */
export async function inspectRemoteImage(
  name: string,
  options: RegistryPullOptions & { readonly platform?: string } = {},
): Promise<RemoteImageReport> {
  const reference = parseReference(name)
  const platform = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform)
  return await withReporter(options.onEvent, async () => {
    const image = await openRemoteImage(reference, platform, 'inspect', {
      ...registryOptions(options),
      cacheDirectory: cacheDirectoryOf(options),
    })
    const config = parseJson(Buffer.from(image.rawConfig).toString('utf8'), `the configuration of "${name}"`)
    const text = (key: string): string | null => textOf(config, key)
    const createdBy = createdByOf(config)
    return {
      name: formatReference({ ...reference, tag: undefined, digest: undefined }),
      digest: image.reference.digest,
      manifestDigest: image.manifestDigest,
      imageId: digestOf(image.rawConfig),
      platform: [text('os') ?? 'unknown', text('architecture') ?? 'unknown', text('variant')]
        .filter((part) => part !== null)
        .join('/'),
      platforms: [...new Set(image.platforms.map(formatPlatform))],
      created: text('created'),
      storedBytes: image.layers.reduce((total, layer) => total + layer.size, 0),
      layers: image.layers.map(({ digest, size, mediaType }, index) => ({
        digest,
        storedBytes: size,
        mediaType,
        createdBy: createdBy[index] ?? null,
      })),
      config: (isJsonObject(config) ? config.get('config') : undefined) ?? null,
    }
  })
}

/** What made each layer: entries of the history that made none are passed over. */
function createdByOf(config: JsonValue): readonly (string | null)[] {
  const history = isJsonObject(config) ? config.get('history') : undefined
  if (!isJsonArray(history)) return []
  return history
    .filter((entry) => !isJsonObject(entry) || entry.get('empty_layer') !== true)
    .map((entry) => textOf(entry, 'created_by'))
}

function textOf(value: JsonValue, key: string): string | null {
  const text = isJsonObject(value) ? value.get(key) : undefined
  return typeof text === 'string' && text !== '' ? text : null
}
