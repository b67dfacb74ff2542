import type { CompressorName } from '#compress'
import { DockerToolsError } from '#errors'
import { withReporter } from '#events'
import { jsonObject } from '#image'
import type { StorePath } from '#store'
import type { ByteSink } from '#util'
import { type BuildContext, openContext } from './build-context.ts'
import { noConf } from './build-image.ts'
import { checkArguments } from './check-arguments.ts'
import type { PathArgument } from './layered-image-args.ts'
import { ownedChunks, withoutReporter, writeCompressed } from './layered-recipe.ts'
import { type ImageFile, openImageFile } from './open-base-image.ts'
import { ourOutputPath } from './our-derivation.ts'
import { isPathArgument, isRecipe } from './path-argument.ts'
import type { BuildOptions, Conf, ImageSummary, MergedRecipe, WriteOptions } from './recipe.ts'
import { recipeOutputPath } from './recipe-output-path.ts'
import * as v from 'valibot'
import { writeMergedImages } from './write-merged-images.ts'

/** The arguments of `mergeImages` where they are an object, as in a definition. */
export interface MergeImagesArgs {
  /** Docker-archives: files, store paths or recipes. */
  readonly images: readonly PathArgument[]
}

const FUNCTION = 'mergeImages'
const NAME = 'merge-docker-images'

const schema = v.strictObject({
  images: v.array(
    v.custom<PathArgument>(isPathArgument, ({ received }) => `it is ${received}, it should be a path or a definition`),
    ({ received }) => `it is ${received}, it should be a list of images`,
  ),
})

/**
 * Describes one archive with all images of others: files of one name, such as
 * layers that they share, are there once.
 *
 * @param images Docker-archives: files, store paths, or recipes of images.
 * @returns A recipe; `writeCompressedTo(sink)` compresses as the last of the images is compressed.
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `mergeImages`
 * @remarks Differs from nixpkgs: `docs/parity.md`.
 *
 * @example Put two images into one archive
 * ```ts
 * import { buildImage, mergeImages } from 'dockertools'
 *
 * const one = buildImage({ name: 'one', tag: 'latest', copyToRoot: './examples/hello/root' })
 * const two = buildImage({ name: 'two', tag: 'latest', copyToRoot: './examples/site/pages' })
 * let bytes = 0
 * await mergeImages([one, two]).writeTo({ write: (chunk) => void (bytes += chunk.length) })
 * console.log(bytes)
 * ```
 */
export function mergeImages(images: readonly PathArgument[] | MergeImagesArgs): MergedRecipe {
  const args = checkArguments(FUNCTION, schema, Array.isArray(images) ? { images: images as unknown } : images)
  if (args.images.length === 0) {
    throw new DockerToolsError('DEFINITION_INVALID', `Cannot call ${FUNCTION}: there should be at least one image`)
  }
  const writeTo = (sink: ByteSink, options: WriteOptions = {}): Promise<ImageSummary> =>
    opened(args.images, options, (files, context) => writeMergedImages(files, context, sink))
  return {
    function: FUNCTION,
    imageName: NAME,
    args,
    passthru: {},
    meta: {},
    imageTag: () =>
      Promise.reject(
        new DockerToolsError('DEFINITION_INVALID', 'Cannot tell the tag of merged images: each has its own'),
      ),
    outputPath: (options: BuildOptions = {}) => outputPath(args.images, options),
    conf: (): Promise<Conf> => Promise.reject(noConf(FUNCTION)),
    layers: () => Promise.resolve([]),
    writeTo,
    writeCompressedTo: (sink: ByteSink, options: WriteOptions = {}): Promise<ImageSummary> =>
      opened(args.images, options, (files, context) =>
        writeCompressed(compressorOf(args.images, files), (plain) => writeMergedImages(files, context, plain), sink),
      ),
    chunks: (options: WriteOptions = {}) => ownedChunks((sink) => writeTo(sink, options)),
  }
}

async function opened<T>(
  images: readonly PathArgument[],
  options: WriteOptions,
  use: (files: readonly ImageFile[], context: BuildContext) => Promise<T>,
): Promise<T> {
  if (options.repoTag !== undefined) {
    throw new DockerToolsError('DEFINITION_INVALID', 'Cannot give merged images a name and tag: each has its own')
  }
  return await withReporter(options.onEvent, async () => {
    options.signal?.throwIfAborted()
    const context = await openContext(options)
    await using stack = new AsyncDisposableStack()
    const files: ImageFile[] = []
    for (const image of images) {
      const named = { argument: 'images', noun: 'image' }
      files.push(stack.use(await openImageFile(image, named, context, withoutReporter(options))))
    }
    return await use(files, context)
  })
}

async function outputPath(images: readonly PathArgument[], options: BuildOptions): Promise<StorePath> {
  const context = await openContext(options)
  const paths: StorePath[] = []
  for (const image of images) {
    if (isRecipe(image)) paths.push(await recipeOutputPath(image, options))
    else {
      await using file = await openImageFile(image, { argument: 'images', noun: 'image' }, context, options)
      paths.push(await file.storePath())
    }
  }
  return ourOutputPath({
    name: NAME,
    function: FUNCTION,
    args: jsonObject({ images: paths }),
    inputs: paths,
    storeDir: context.store.dir,
  })
}

/** How the last image is compressed; that of a recipe, as it would be in the store. */
function compressorOf(images: readonly PathArgument[], files: readonly ImageFile[]): CompressorName {
  const last = images.at(-1)
  if (last === undefined || !isRecipe(last)) {
    const compression = files.at(-1)?.archive.compression ?? 'none'
    return compression === 'gz' || compression === 'zstd' ? compression : 'none'
  }
  if ('compressor' in last) return last.compressor as CompressorName
  if (last.function !== FUNCTION) return 'none'
  return compressorOf((last.args as unknown as MergeImagesArgs).images, [])
}
