import { type Digest, digestHex } from '#image'
import { type ByteSink, copyTo, makeSpool } from '#util'
import type { ImageLimits } from './image-limits.ts'
import { formatImageName } from './image-name.ts'
import { archiveOutput, type LayoutOutput } from './layout-output.ts'
import { encodeDockerManifest } from './oci-documents.ts'
import { compressionOf, readLayer } from './scan-layer.ts'
import type { ImageLayer, StoredImage } from './stored-image.ts'

/** Layers that have to be decompressed wait here: their size stands before their bytes. */
const SPOOL_MEMORY_BYTES = 16 * 1024 * 1024

/**
 * Writes images as one docker-archive with plain layers, which every engine
 * takes, whatever they were kept in. Layers that images share are there once.
 *
 * @param what Names the images in errors.
 * @throws {IntegrityError} `DIGEST_MISMATCH` for a layer that is not what its image says; the archive has no end then.
 */
export async function writeDockerArchive(
  images: readonly StoredImage[],
  what: string,
  limits: ImageLimits,
  sink: ByteSink,
  signal?: AbortSignal,
): Promise<void> {
  const output = archiveOutput(sink)
  const document = (name: string, bytes: Uint8Array): Promise<void> =>
    output.file(name, bytes.length, async (body) => body.write(bytes))
  const written = new Set<Digest>()
  const manifest: Parameters<typeof encodeDockerManifest>[0][number][] = []
  for (const image of images) {
    for (const layer of image.layers) {
      signal?.throwIfAborted()
      if (!written.has(layer.diffId)) await writeLayer(layer, what, limits, output)
      written.add(layer.diffId)
    }
    const config = `${digestHex(image.imageId)}.json`
    await document(config, image.rawConfig)
    // A tag without a name is none that an engine could use.
    const names = image.names.filter(({ name }) => name !== undefined)
    const repoTags = names.map((name) => formatImageName({ ...name, tag: name.tag ?? 'latest' }))
    manifest.push({ config, repoTags, layers: image.layers.map(memberOf) })
  }
  await document('manifest.json', encodeDockerManifest(manifest))
  await output.end()
}

async function writeLayer(layer: ImageLayer, what: string, limits: ImageLimits, output: LayoutOutput): Promise<void> {
  if ((await compressionOf(layer)) === 'none') {
    await output.file(memberOf(layer), layer.file.size, (body) => copyTo(readLayer(layer, what, limits), body))
    return
  }
  await using spool = makeSpool(SPOOL_MEMORY_BYTES)
  await copyTo(readLayer(layer, what, limits), spool)
  await output.file(memberOf(layer), spool.size, (body) => copyTo(spool.read(), body))
}

function memberOf(layer: ImageLayer): string {
  return `${digestHex(layer.diffId)}/layer.tar`
}
