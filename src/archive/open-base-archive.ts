import { DockerToolsError } from '#errors'
import { type Digest, digestHex } from '#image'
import { toByteString } from '#util'
import { ArchiveFiles } from './archive-files.ts'
import { type ArchivedImage, type ArchivedLayer, readDockerImages } from './docker-archive.ts'
import { DEFAULT_IMAGE_LIMITS, type ImageLimits } from './image-limits.ts'
import { imageNameMatches, formatImageName, parseImageName } from './image-name.ts'
import { openImageFiles, readImageArchive, type WantedImage } from './open-image-archive.ts'
import type { ReadContext } from './read-image.ts'
import { type PlainLayer, scanLayer } from './scan-layer.ts'
import type { ImageLayer, StoredImage } from './stored-image.ts'

/** A base image that is open. */
export interface BaseArchive extends AsyncDisposable {
  readonly image: ArchivedImage
}

/**
 * Opens one image to stand below another one. Layers of a docker-archive stay
 * as they are, with their headers. Layers from OCI layouts become plain members
 * `DIGEST/layer.tar`: compressed ones are decompressed and checked here, into
 * files without a name.
 *
 * @throws {DockerToolsError} as `openImageArchive`, and as its `select`.
 */
export async function openBaseArchive(
  path: string,
  what: string,
  wanted: WantedImage = {},
  limits: Partial<ImageLimits> = {},
): Promise<BaseArchive> {
  const context: ReadContext = { what, limits: { ...DEFAULT_IMAGE_LIMITS, ...limits } }
  await using stack = new AsyncDisposableStack()
  const files = stack.use(await openImageFiles(path, context))
  const image =
    files instanceof ArchiveFiles && files.members.has('manifest.json')
      ? selectDockerImage(await readDockerImages(files.members, what), wanted, what)
      : await toArchivedImage(await (await readImageArchive(files, context)).select(wanted), stack, context)
  const owner = stack.move()
  return { image, [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()) }
}

function selectDockerImage(
  images: readonly [ArchivedImage, ...ArchivedImage[]],
  { imageName, imageTag }: WantedImage,
  what: string,
): ArchivedImage {
  if (imageName === undefined && imageTag === undefined) return images[0]
  const found = images.find((image) =>
    image.repoTags.some((name) => imageNameMatches(parseImageName(name), imageName, imageTag)),
  )
  if (found !== undefined) return found
  const there = images.flatMap((image) => image.repoTags)
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot use ${what}: it has no image "${formatImageName({ name: imageName, tag: imageTag })}", it has "${there.join('", "')}"`,
  )
}

async function toArchivedImage(
  image: StoredImage,
  stack: AsyncDisposableStack,
  context: ReadContext,
): Promise<ArchivedImage> {
  const known = new Map<Digest, ArchivedLayer>()
  const layers: ArchivedLayer[] = []
  for (const layer of image.layers) {
    const archived = known.get(layer.diffId) ?? toArchivedLayer(layer, stack.use(await scan(layer, context)))
    known.set(layer.diffId, archived)
    layers.push(archived)
  }
  return { repoTags: image.names.map(formatImageName), layers, config: image.config }
}

function scan(layer: ImageLayer, { what, limits }: ReadContext): Promise<PlainLayer> {
  return scanLayer(layer, what, limits)
}

function toArchivedLayer(layer: ImageLayer, plain: PlainLayer): ArchivedLayer {
  const member = `${digestHex(layer.diffId)}/layer.tar`
  const noName = toByteString('')
  return {
    member,
    header: {
      type: 'file',
      path: toByteString(member),
      size: plain.size,
      mode: 0o644,
      uid: 0,
      gid: 0,
      uname: noName,
      gname: noName,
      mtimeSeconds: 1,
    },
    diffId: layer.diffId,
    open: () => plain.stream(),
  }
}
