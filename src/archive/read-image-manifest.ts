import { DockerToolsError } from '#errors'
import { isJsonArray, isJsonObject, type JsonObject } from '#image'
import { blobName, openBlob, parseDescriptor, readBlob } from './descriptor.ts'
import type { ImageFiles } from './image-files.ts'
import { invalid, makeImage, type ReadContext } from './read-image.ts'
import type { ImageLayer, StoredImage } from './stored-image.ts'

const CONFIG_TYPES: readonly string[] = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]

/** Layers of plain tars and compressed ones, also those that registries may not pass on. */
const LAYER_TYPE =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)(?:[.+](?:gzip|zstd))?$/

/** Whether a manifest is of an image, and not of something else that registries keep. */
export function isImageManifest(manifest: JsonObject): boolean {
  const config = manifest.get('config')
  if (!isJsonObject(config)) return true
  const type = config.get('mediaType')
  return typeof type !== 'string' || CONFIG_TYPES.includes(type)
}

/** Reads the configuration that a manifest of an OCI layout names, and finds its layers. */
export async function readImageManifest(
  manifest: JsonObject,
  files: ImageFiles,
  context: ReadContext,
): Promise<StoredImage> {
  if (!manifest.has('config')) throw invalid(context, 'a manifest has no "config"')
  const config = parseDescriptor(manifest.get('config'), context)
  const listed = manifest.get('layers') ?? []
  if (!isJsonArray(listed)) throw invalid(context, '"layers" of a manifest should be a list')
  const layers: Omit<ImageLayer, 'diffId'>[] = []
  for (const value of listed) {
    const blob = parseDescriptor(value, context)
    if (blob.mediaType !== '' && !LAYER_TYPE.test(blob.mediaType)) {
      throw new DockerToolsError(
        'FORMAT_UNSUPPORTED',
        `Cannot read ${context.what}: layer "${blob.digest}" is "${blob.mediaType}", it should be a tar`,
      )
    }
    layers.push({
      name: blobName(blob.digest),
      blobDigest: blob.digest,
      mediaType: blob.mediaType,
      file: await openBlob(files, blob, context),
    })
  }
  const rawConfig = await readBlob(files, config, 'maxConfigBytes', context)
  return makeImage(rawConfig, blobName(config.digest), layers, [], context)
}
