import type { CompressorName } from '#compress'
import { placeholderOf, REALISE } from '#derivation'
import { DockerToolsError } from '#errors'
import { jsonObject } from '#image'
import { closure, type StorePath } from '#store'
import type { ByteSink } from '#util'
import type { BuildContext } from './build-context.ts'
import { noConf } from './build-image.ts'
import { checkArguments } from './check-arguments.ts'
import { realiseImage } from './file-of-image.ts'
import { inContext } from './in-context.ts'
import type { ImageRealisation } from './image-realisation.ts'
import type { PathArgument } from './layered-image-args.ts'
import { ownedChunks, writeCompressed } from './layered-recipe.ts'
import { type ImageFile, openImageFile } from './open-base-image.ts'
import { ourOutputPath } from './our-derivation.ts'
import { ownRealisable } from './own-output.ts'
import { isPathArgument, isRecipe } from './path-argument.ts'
import { realise } from './realise.ts'
import type { BuildOptions, Conf, ImageSummary, MergedRecipe, RealiseOutputOptions, WriteOptions } from './recipe.ts'
import { madeFirst, pathOf } from './resolve-path.ts'
import * as v from 'valibot'
import { writeMergedImages } from './write-merged-images.ts'
import { writeScanned } from './write-scanned.ts'

/** The arguments of `mergeImages` where they are an object, as in a definition. */
export interface MergeImagesArgs {
  /** Docker-archives: files, store paths or recipes. */
  readonly images: readonly PathArgument[]
}

const FUNCTION = 'mergeImages'
const NAME = 'merge-docker-images'
const NAMED = { argument: 'images', noun: 'image' }

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
  const { images: merged } = args
  const write = (sink: ByteSink, context: BuildContext): Promise<ImageSummary> =>
    withFiles(merged, context, (files) => writeMergedImages(files, context, sink))
  const writePacked = (sink: ByteSink, context: BuildContext): Promise<ImageSummary> =>
    withFiles(merged, context, (files) =>
      writeCompressed(compressorOf(merged, files), context, (plain) => writeMergedImages(files, context, plain), sink),
    )
  const writeTo = (sink: ByteSink, options: WriteOptions = {}): Promise<ImageSummary> =>
    opened(options, (context) => write(sink, context))
  const output = ownRealisable({
    name: NAME,
    outPath: (context) => outputPath(merged, context),
    prepare: async (context) => {
      for (const image of merged) await realiseImage(image, context)
    },
    make: async (place, context) => {
      const paths: StorePath[] = []
      for (const image of merged) {
        const path = (await realiseImage(image, context)) ?? (await pathOf(image, 'images', context))
        paths.push(path)
      }
      const known = (await closure(context.store, paths)).map((node) => node.path)
      return await writeScanned(place, known, (sink) => writePacked(sink, context))
    },
  })
  const realisation: ImageRealisation = { ...output[REALISE], archive: output, writeTo: write }
  const recipe: MergedRecipe = {
    function: FUNCTION,
    imageName: NAME,
    args,
    passthru: {},
    meta: {},
    imageTag: () =>
      Promise.reject(
        new DockerToolsError('DEFINITION_INVALID', 'Cannot tell the tag of merged images: each has its own'),
      ),
    [REALISE]: realisation,
    toString: () => placeholderOf(recipe),
    outputPath: (options: BuildOptions = {}) => opened(options, (context) => outputPath(merged, context)),
    build: (options: RealiseOutputOptions = {}) => realise(recipe, options),
    conf: (): Promise<Conf> => Promise.reject(noConf(FUNCTION)),
    layers: () => Promise.resolve([]),
    writeTo,
    writeCompressedTo: (sink: ByteSink, options: WriteOptions = {}): Promise<ImageSummary> =>
      opened(options, (context) => writePacked(sink, context)),
    chunks: (options: WriteOptions = {}) => ownedChunks((sink) => writeTo(sink, options)),
  }
  return recipe
}

async function opened<T>(options: WriteOptions, use: (context: BuildContext) => Promise<T>): Promise<T> {
  if (options.repoTag !== undefined) {
    throw new DockerToolsError('DEFINITION_INVALID', 'Cannot give merged images a name and tag: each has its own')
  }
  return await inContext(options, use)
}

async function withFiles<T>(
  images: readonly PathArgument[],
  context: BuildContext,
  use: (files: readonly ImageFile[]) => Promise<T>,
): Promise<T> {
  await using stack = new AsyncDisposableStack()
  const files: ImageFile[] = []
  for (const image of images) files.push(stack.use(await openImageFile(image, NAMED, context)))
  return await use(files)
}

async function outputPath(images: readonly PathArgument[], context: BuildContext): Promise<StorePath> {
  const paths: StorePath[] = []
  for (const image of images) paths.push(await pathOf(image, 'images', context))
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
  const given = images.at(-1)
  const last = given === undefined ? undefined : madeFirst(given)
  if (!isRecipe(last)) {
    const compression = files.at(-1)?.archive.compression ?? 'none'
    return compression === 'gz' || compression === 'zstd' ? compression : 'none'
  }
  if ('compressor' in last) return last.compressor as CompressorName
  if (last.function !== FUNCTION) return 'none'
  return compressorOf((last.args as unknown as MergeImagesArgs).images, [])
}
