import { createHash } from 'node:crypto'
import { type CompressorName, getCompressor } from '#compress'
import { DockerToolsError } from '#errors'
import { parseDigest, formatPlatform } from '#image'
import { copyTo, makeSpool } from '#util'
import { blobName } from './descriptor.ts'
import type { ImageLimits } from './image-limits.ts'
import { formatImageName, fullName, type ImageName } from './image-name.ts'
import type { LayoutOutput } from './layout-output.ts'
import {
  CONFIG_TYPE,
  describe,
  encodeDockerManifest,
  encodeIndex,
  encodeManifest,
  INDEX_TYPE,
  LAYER_TYPES,
  MANIFEST_TYPE,
  type WrittenDescriptor,
  writtenPlatform,
} from './oci-documents.ts'
import { readLayer, scanLayer } from './scan-layer.ts'
import type { ImageLayer, StoredImage } from './stored-image.ts'

/** An image that is to be written, with what its archive is called and may ask for. */
export interface ImageToWrite {
  readonly image: StoredImage
  readonly compressor: CompressorName
  readonly what: string
  readonly limits: ImageLimits
}

/** What stands in the index under some names: one image, or one for each of several platforms. */
export interface ImageOfPlatforms {
  readonly names: readonly ImageName[]
  readonly images: readonly [ImageToWrite, ...ImageToWrite[]]
}

const SPOOL_MEMORY_BYTES = 16 * 1024 * 1024

/**
 * Writes images as an OCI layout: blobs first, then the index that names them,
 * so that what is broken off is no layout. An archive of images for one platform each gets a
 * `manifest.json` too, whose files are the blobs: `docker load` reads it as its own.
 *
 * @returns The digest of what the index names first: a manifest, or an index of platforms.
 * @throws {DockerToolsError} `DEFINITION_INVALID` for two images of one platform; as the readers of layers.
 * @throws {IntegrityError} `DIGEST_MISMATCH` for a layer that is not what its image says.
 */
export async function writeOciLayout(
  entries: readonly [ImageOfPlatforms, ...ImageOfPlatforms[]],
  output: LayoutOutput,
): Promise<WrittenDescriptor['digest']> {
  const writer = new LayoutWriter(output)
  const listed: WrittenDescriptor[] = []
  const docker: Parameters<typeof encodeDockerManifest>[0][number][] = []
  const tags = entries.flatMap((entry) => entry.names.map((name) => name.tag))
  for (const { names, images } of entries) {
    const manifests: WrittenDescriptor[] = []
    for (const image of images) {
      const { manifest, config, layers } = await writer.image(image)
      manifests.push({ ...manifest, platform: writtenPlatform(image.image.platform) })
      docker.push({ config, layers, repoTags: names.map(formatImageName) })
    }
    const [only] = manifests
    const target = manifests.length === 1 && only !== undefined ? only : await writer.platforms(manifests, images)
    const isUnique = (name: ImageName): boolean => tags.filter((tag) => tag === name.tag).length === 1
    listed.push(
      ...(names.length === 0
        ? [target]
        : names.map((name) => ({ ...target, annotations: annotate(name, isUnique(name)) }))),
    )
  }
  await writer.document('index.json', encodeIndex(listed))
  await writer.document('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'))
  const isForDocker = output.isArchive && entries.every((entry) => entry.images.length === 1)
  if (isForDocker) await writer.document('manifest.json', encodeDockerManifest(docker))
  await output.end()
  return listed[0]?.digest ?? parseDigest('')
}

/** Programs look for the tag in one, for the whole name in the other. A tag that several images have tells nothing. */
function annotate(name: ImageName, isUnique: boolean): Readonly<Record<string, string>> {
  const full =
    name.name === undefined
      ? {}
      : { 'io.containerd.image.name': formatImageName({ ...name, name: fullName(name.name) }) }
  const ref = isUnique && name.tag !== undefined ? name.tag : formatImageName(name)
  return { ...full, 'org.opencontainers.image.ref.name': ref }
}

class LayoutWriter {
  readonly #output: LayoutOutput
  readonly #layers = new Map<string, WrittenDescriptor>()

  constructor(output: LayoutOutput) {
    this.#output = output
  }

  async image(given: ImageToWrite) {
    const layers: WrittenDescriptor[] = []
    for (const layer of given.image.layers) {
      const key = `${given.compressor} ${layer.diffId}`
      const known = this.#layers.get(key) ?? (await this.#layer(layer, given))
      this.#layers.set(key, known)
      layers.push(known)
    }
    const config = await this.#blob(CONFIG_TYPE, given.image.rawConfig)
    const manifest = await this.#blob(MANIFEST_TYPE, encodeManifest(config, layers))
    return { manifest, config: blobName(config.digest), layers: layers.map((layer) => blobName(layer.digest)) }
  }

  async platforms(
    manifests: readonly WrittenDescriptor[],
    images: readonly ImageToWrite[],
  ): Promise<WrittenDescriptor> {
    const platforms = images.map(({ image }) => formatPlatform(image.platform))
    const twice = platforms.find((platform, index) => platforms.indexOf(platform) !== index)
    if (twice !== undefined) {
      throw new DockerToolsError(
        'DEFINITION_INVALID',
        `Cannot write an index: two images are for "${twice}", each should be for a platform of its own`,
      )
    }
    return await this.#blob(INDEX_TYPE, encodeIndex(manifests))
  }

  async document(name: string, bytes: Uint8Array): Promise<void> {
    await this.#output.file(name, bytes.length, async (sink) => sink.write(bytes))
  }

  async #blob(mediaType: string, bytes: Uint8Array): Promise<WrittenDescriptor> {
    const blob = describe(mediaType, bytes)
    await this.document(blobName(blob.digest), bytes)
    return blob
  }

  async #layer(layer: ImageLayer, { compressor, what, limits }: ImageToWrite): Promise<WrittenDescriptor> {
    const mediaType = LAYER_TYPES[compressor]
    if (compressor === 'none') {
      await using plain = await scanLayer(layer, what, limits)
      await this.#output.file(blobName(layer.diffId), plain.size, (sink) => copyTo(plain.stream(), sink))
      return { mediaType, digest: layer.diffId, size: plain.size }
    }
    // A member's name and size come before its bytes, and neither is known before all of them are there.
    await using spool = makeSpool(SPOOL_MEMORY_BYTES)
    const hash = createHash('sha256')
    for await (const chunk of getCompressor(compressor).compress(readLayer(layer, what, limits))) {
      hash.update(chunk)
      await spool.write(chunk)
    }
    const digest = parseDigest(`sha256:${hash.digest('hex')}`)
    await this.#output.file(blobName(digest), spool.size, (sink) => copyTo(spool.read(), sink))
    return { mediaType, digest, size: spool.size }
  }
}
