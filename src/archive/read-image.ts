import { DockerToolsError } from '#errors'
import {
  digestOf,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseDigest,
  parseJson,
  platformOf,
} from '#image'
import type { StoredFile } from './image-files.ts'
import { checkLimit, type ImageLimits } from './image-limits.ts'
import type { ImageLayer, StoredImage } from './stored-image.ts'

/** What the readers of all formats need to know. */
export interface ReadContext {
  /** Names the archive in errors. */
  readonly what: string
  readonly limits: ImageLimits
}

/** Reads a small file whole. */
export async function readSmall(
  file: StoredFile,
  name: string,
  limit: 'maxManifestBytes' | 'maxConfigBytes',
  { what, limits }: ReadContext,
): Promise<Uint8Array> {
  checkLimit(limits, limit, file.size, `${what}: "${name}" has ${file.size} bytes`)
  return await file.read(0, file.size)
}

/** The text of a file as JSON. */
export function parseFile(bytes: Uint8Array, name: string, { what }: ReadContext): JsonValue {
  return parseJson(Buffer.from(bytes).toString('utf8'), `"${name}" of ${what}`)
}

/** Puts an image together, and checks its configuration against its layers. */
export function makeImage(
  rawConfig: Uint8Array,
  configName: string,
  layers: readonly Omit<ImageLayer, 'diffId'>[],
  names: StoredImage['names'],
  context: ReadContext,
): StoredImage {
  const config = parseFile(rawConfig, configName, context)
  if (!isJsonObject(config)) throw invalid(context, 'its configuration should be an object')
  const diffIds = readDiffIds(config, context)
  if (diffIds.length !== layers.length) {
    throw invalid(context, `its manifest names ${layers.length} layers, its configuration ${diffIds.length}`)
  }
  checkLimit(context.limits, 'maxLayers', layers.length, `${context.what}: it has ${layers.length} layers`)
  return {
    names,
    platform: platformOf(config) ?? { os: 'linux', architecture: 'unknown', variant: undefined },
    rawConfig,
    config,
    imageId: digestOf(rawConfig),
    layers: layers.map((layer, index) => ({ ...layer, diffId: parseDigest(diffIds[index] ?? '') })),
  }
}

function readDiffIds(config: JsonObject, context: ReadContext): string[] {
  const rootfs = config.get('rootfs')
  return stringList(isJsonObject(rootfs) ? rootfs.get('diff_ids') : null, '"rootfs.diff_ids"', context)
}

/** A list of strings; null and nothing are an empty one. */
export function stringList(value: JsonValue | undefined, where: string, context: ReadContext): string[] {
  if (value === null || value === undefined) return []
  if (isJsonArray(value) && value.every((item) => typeof item === 'string')) return [...value]
  throw invalid(context, `${where} should be a list of strings`)
}

export function invalid({ what }: ReadContext, reason: string): DockerToolsError {
  return new DockerToolsError('FORMAT_INVALID', `Cannot read ${what}: ${reason}`, {
    hint: 'Save the image again, for example with skopeo copy',
  })
}
