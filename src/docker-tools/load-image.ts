import { choosePlatform, openImageArchive, type StoredImage, writeDockerArchive } from '#archive'
import { findEngine, type LoadedImages, loadIntoEngine, parseEngineName } from '#engine'
import { DockerToolsError } from '#errors'
import { report, withReporter } from '#events'
import { parsePlatform } from '#image'
import { type ByteSink, iterateWrites } from '#util'
import { checkOptions } from './check-options.ts'
import { openContext } from './build-context.ts'
import { fileOfImage } from './file-of-image.ts'
import { interruptible } from './interruptible.ts'
import { parseImageLimits } from './image-limit-options.ts'
import type { PathArgument } from './layered-image-args.ts'
import { isMultiPlatformImage, type MultiPlatformImage } from './multi-platform-image.ts'
import { isRecipe } from './path-argument.ts'
import type { BuildOptions, Recipe } from './recipe.ts'

/** How images are loaded. */
export interface LoadOptions extends BuildOptions {
  /**
   * Which engine. Default: that of `DOCKER_HOST`, `CONTAINER_HOST` or Docker's context, else
   * the first of Docker's and podman's usual sockets that answers.
   */
  readonly engine?: 'docker' | 'podman' | 'containerd'
  /** `OS/ARCHITECTURE[/VARIANT]`, of an image that is there for several. Default: the only one, or this machine's. */
  readonly platform?: string
  /** Limits on what a foreign image may ask for, by the names that errors give. */
  readonly limits?: Readonly<Record<string, number>>
}

/**
 * Loads images into a container engine of this machine: what an image function
 * returned is streamed into it as it is made, with nothing on disk; of an archive or an OCI layout, in
 * whatever form and compression, every image goes as the engine takes it.
 *
 * @param image What an image function returned, or an archive: a path that starts with `/`, `./` or `../`.
 * @param options `engine`, `platform`, `limits`; the others are those of all recipes.
 * @returns Which engine took it, and what it calls the images now.
 * @throws {DockerToolsError} `ENGINE_UNAVAILABLE` where no engine answers, `ENGINE_FAILED` where it refuses the image;
 *   `DEFINITION_INVALID` for a platform that is not there; as the recipe, and as `exportImage` for archives.
 * @remarks Not in nixpkgs.
 *
 * @example Load an image that is made on the way
 * ```ts no-run
 * import { loadImage, streamLayeredImage } from 'dockertools'
 *
 * const image = streamLayeredImage({ name: 'site', tag: '1.0', contents: './examples/site/pages' })
 * const { engine, images } = await loadImage(image)
 * console.log(`${engine} has ${images.join(', ')}`)
 * ```
 */
export async function loadImage(
  image: PathArgument | MultiPlatformImage,
  options: LoadOptions = {},
): Promise<LoadedImages> {
  checkOptions(options)
  return await withReporter(options.onEvent, () =>
    interruptible(options.signal, async () => {
      const { engine: wanted, platform: _platform, limits: _limits, onEvent: _, ...others } = options
      const env = options.environment ?? process.env
      const name = wanted === undefined ? undefined : parseEngineName(wanted)
      const write = writerOf(image, options, others)
      const engine = await findEngine(name, env, options.signal)
      report({
        type: 'engine',
        engine: engine.name,
        address: engine.name === 'containerd' ? null : engine.endpoint.shown,
      })
      return await loadIntoEngine(iterateWrites(write), engine, env, options.signal)
    }),
  )
}

/** What writes the docker-archive that the engine is given. */
function writerOf(
  image: PathArgument | MultiPlatformImage,
  { platform, limits }: LoadOptions,
  options: BuildOptions,
): (sink: ByteSink) => Promise<void> {
  const wanted = platform === undefined ? undefined : parsePlatform(platform)
  if (isMultiPlatformImage(image)) {
    const { recipe } = choosePlatform(image.images, (one) => one.platform, wanted, `image "${image.imageName}"`)
    return (sink) => writeRecipe(recipe, image.tag, sink, options)
  }
  if (isRecipe(image)) {
    if (platform === undefined) return (sink) => writeRecipe(image, null, sink, options)
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot pick a platform of image "${image.imageName}": it is made for one`,
    )
  }
  return async (sink) => {
    await using context = await openContext(options)
    await using file = await fileOfImage(image, { argument: 'image', noun: 'image' }, context)
    await using archive = await openImageArchive(file.path, file.what, parseImageLimits(limits ?? {}))
    const images: StoredImage[] = []
    for (const listed of archive.images) images.push(await listed.load(wanted))
    await writeDockerArchive(images, file.what, archive.limits, sink, context.signal)
  }
}

async function writeRecipe(recipe: Recipe, tag: string | null, sink: ByteSink, options: BuildOptions): Promise<void> {
  await recipe.writeTo(sink, tag === null ? options : { ...options, repoTag: `${recipe.imageName}:${tag}` })
}
