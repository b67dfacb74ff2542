import {
  choosePlatform,
  formatImageName,
  type ImageArchive,
  type ListedImage,
  openImageArchive,
  parseImageName,
} from '#archive'
import type { CompressorName } from '#compress'
import { DockerToolsError } from '#errors'
import { formatPlatform, parsePlatform, type Platform } from '#image'
import { archiveParts } from './archive-parts.ts'
import { openContext } from './build-context.ts'
import { fileOfImage } from './file-of-image.ts'
import { parseImageLimits } from './image-limit-options.ts'
import { type ImageParts, isPartedRecipe, USE_PARTS } from './image-parts.ts'
import type { PathArgument } from './layered-image-args.ts'
import { isMultiPlatformImage, type MultiPlatformImage } from './multi-platform-image.ts'
import { isRecipe } from './path-argument.ts'
import type { PushOptions } from './push-options.ts'
import type { BuildOptions, Recipe } from './recipe.ts'
import { checkPlatform } from './write-oci-image.ts'

/** What is to be pushed: one image, or one for each of several platforms. */
export interface PushSource {
  /** What it calls itself: `NAME:TAG`. */
  name(): Promise<string | undefined>
  readonly images: readonly PlatformSource[]
  /** Whether there is to be an index. */
  readonly isIndex: boolean
}

/** The image of one platform; its parts are open while `use` works. */
export interface PlatformSource {
  use<T>(use: (parts: ImageParts) => Promise<T>): Promise<T>
}

/**
 * Opens what is to be pushed.
 *
 * @param stack Owns what is opened.
 * @throws {DockerToolsError} `DEFINITION_INVALID` for an image or platform that is not there, or that cannot be
 *   asked for; as `openImageArchive`.
 */
export async function openPushSource(
  image: PathArgument | MultiPlatformImage,
  options: PushOptions,
  building: BuildOptions,
  stack: AsyncDisposableStack,
): Promise<PushSource> {
  const wanted = options.platform === undefined ? undefined : parsePlatform(options.platform)
  if (isMultiPlatformImage(image) || isRecipe(image)) refuseChoice(image, options)
  if (isMultiPlatformImage(image)) return platformsSource(image, wanted, building)
  if (isRecipe(image) && isPartedRecipe(image)) {
    return { name: () => nameOf(image, building), isIndex: false, images: [recipeSource(image, building)] }
  }
  return await archiveSource(image, wanted, options, building, stack)
}

function refuseChoice(image: Recipe | MultiPlatformImage, options: PushOptions): void {
  const platformOption = isRecipe(image) && options.platform !== undefined ? 'platform' : undefined
  const refused = options.image === undefined ? platformOption : 'image'
  if (refused === undefined) return
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot use "${refused}" with a result of ${image.function}: it is for archives, and "${image.imageName}" is one image`,
  )
}

function platformsSource(image: MultiPlatformImage, wanted: Platform | undefined, building: BuildOptions): PushSource {
  const chosen =
    wanted === undefined
      ? image.images
      : [choosePlatform(image.images, (one) => one.platform, wanted, `image "${image.imageName}"`)]
  return {
    name: async () => {
      const tags = new Set<string>()
      for (const { recipe } of chosen) tags.add(image.tag ?? (await recipe.imageTag(building)))
      const [tag, ...others] = tags
      if (tag !== undefined && others.length === 0) return `${image.imageName}:${tag}`
      throw new DockerToolsError(
        'DEFINITION_INVALID',
        `Cannot name image "${image.imageName}": its platforms have the tags "${[...tags].join('", "')}", they should have one`,
        { hint: 'Say where it is to be pushed, with a tag' },
      )
    },
    isIndex: chosen.length > 1,
    images: chosen.map(({ platform, recipe }) => ({
      use: (use) =>
        recipeSource(recipe, building).use(async (parts) =>
          use({
            ...parts,
            config: async () => {
              const config = await parts.config()
              checkPlatform(config.platform, platform)
              return { ...config, platform }
            },
          }),
        ),
    })),
  }
}

function recipeSource(recipe: Recipe, building: BuildOptions): PlatformSource {
  const preferred = preferredCompressor(recipe)
  if (isPartedRecipe(recipe)) {
    return {
      use: (use) =>
        recipe[USE_PARTS](building, (parts) =>
          use({ ...parts, layers: parts.layers.map((layer) => ({ ...layer, preferred })) }),
        ),
    }
  }
  return {
    use: async (use) => {
      await using stack = new AsyncDisposableStack()
      const { images } = await archiveSource(recipe, undefined, {}, building, stack)
      const [only] = images
      if (only === undefined) throw new DockerToolsError('INTERNAL', 'Cannot push an image: there is none')
      return await only.use(use)
    },
  }
}

/** Of a recipe that says how its archive is compressed, layers are compressed so. */
function preferredCompressor(recipe: Recipe): CompressorName | undefined {
  const name = 'compressor' in recipe ? recipe.compressor : undefined
  return name === 'gz' || name === 'zstd' || name === 'none' ? name : undefined
}

async function nameOf(recipe: Recipe, building: BuildOptions): Promise<string> {
  return `${recipe.imageName}:${await recipe.imageTag(building)}`
}

async function archiveSource(
  image: PathArgument,
  wanted: Platform | undefined,
  options: PushOptions,
  building: BuildOptions,
  stack: AsyncDisposableStack,
): Promise<PushSource> {
  const context = stack.use(await openContext(building))
  const file = stack.use(await fileOfImage(image, { argument: 'image', noun: 'image' }, context))
  const archive = stack.use(await openImageArchive(file.path, file.what, parseImageLimits(options.limits ?? {})))
  const listed = pick(archive, options.image)
  const platforms = wanted === undefined ? await listed.platforms() : [wanted]
  const twice = platforms.map(formatPlatform).find((name, index, all) => all.indexOf(name) !== index)
  if (twice !== undefined) {
    throw new DockerToolsError(
      'FORMAT_UNSUPPORTED',
      `Cannot push ${file.what}: it has two images for "${twice}", it should have one for each platform`,
      { hint: 'Pick one image with "image", or one platform with "platform"' },
    )
  }
  const only = platforms.length === 1
  return {
    name: () => {
      const named = listed.names.find(({ name }) => name !== undefined)
      return Promise.resolve(named === undefined ? undefined : formatImageName(named))
    },
    isIndex: !only,
    images: platforms.map((platform) => ({
      use: async (use) => {
        const stored = await listed.load(only && wanted === undefined ? undefined : platform)
        return await use(await archiveParts(stored, file.what, archive.limits))
      },
    })),
  }
}

function pick({ images, what }: ImageArchive, asked: string | undefined): ListedImage {
  const names = images.flatMap((image) => image.names.map(formatImageName))
  const { name, tag } = asked === undefined ? {} : parseImageName(asked)
  const found =
    asked === undefined
      ? images
      : images.filter((image) =>
          image.names.some((there) => there.name === name && (tag === undefined || there.tag === tag)),
        )
  const [only, ...others] = found
  if (only !== undefined && others.length === 0) return only
  const reason =
    only === undefined
      ? `it has no image "${asked}", it has "${names.join('", "')}"`
      : `it has ${found.length} images, one should be picked`
  const hint = `Pick one with "image" (--image): ${names.join(', ')}`
  throw new DockerToolsError('DEFINITION_INVALID', `Cannot push ${what}: ${reason}`, only === undefined ? {} : { hint })
}
