import * as v from 'valibot'
import { DockerToolsError } from '#errors'
import { parsePlatform, type Platform } from '#image'
import { imageTag } from './argument-schemas.ts'
import { checkArguments } from './check-arguments.ts'
import { isRecipe } from './path-argument.ts'
import type { Recipe } from './recipe.ts'

/** The arguments of `multiPlatformImage`. */
export interface MultiPlatformImageArgs {
  /** An image for each platform: `amd64`, `arm64`, or `OS/ARCHITECTURE[/VARIANT]`. */
  readonly images: Readonly<Record<string, Recipe>>
  /** Tag of all of them together. Default: the one they have, if it is the same. */
  readonly tag?: string | null
}

/** One image for several platforms: OCI formats have it as an index. */
export interface MultiPlatformImage {
  readonly function: 'multiPlatformImage'
  readonly imageName: string
  readonly tag: string | null
  /** In the order they were given, which is that of the index. */
  readonly images: readonly [PlatformRecipe, ...PlatformRecipe[]]
}

/** An image and the platform that it has to be for. */
export interface PlatformRecipe {
  readonly platform: Platform
  readonly recipe: Recipe
}

const schema = v.strictObject({
  images: v.record(v.string(), v.custom<Recipe>(isRecipe, 'it should be what an image function returned')),
  tag: v.nullish(imageTag, null),
})

/**
 * Describes one image for several platforms. `build` and `writeOciArchive` write it with an index.
 *
 * @param args `images` has a recipe for each platform, `tag` is theirs together.
 * @throws {DockerToolsError} `DEFINITION_INVALID` for no image, for images of several names, and for a key that
 *   is no platform.
 * @remarks Not in nixpkgs.
 *
 * @example An index of two platforms
 * ```ts
 * import { multiPlatformImage, streamLayeredImage } from 'dockertools'
 *
 * const site = (architecture: string) =>
 *   streamLayeredImage({ name: 'site', tag: '1.0', architecture, contents: './examples/site/pages' })
 * const image = multiPlatformImage({ images: { amd64: site('amd64'), arm64: site('arm64') } })
 * console.log(image.images.length)
 * ```
 */
export function multiPlatformImage(args: MultiPlatformImageArgs): MultiPlatformImage {
  const { images, tag } = checkArguments('multiPlatformImage', schema, args)
  const [first, ...others] = Object.entries(images).map(([key, recipe]) => ({
    platform: parsePlatform(key.includes('/') ? key : `linux/${key}`),
    recipe,
  }))
  if (first === undefined) throw invalid('"images" is empty, it should have an image for each platform')
  const names = [...new Set([first, ...others].map(({ recipe }) => recipe.imageName))]
  if (names.length > 1) throw invalid(`the images are called "${names.join('", "')}", they should have one name`)
  return { function: 'multiPlatformImage', imageName: first.recipe.imageName, tag, images: [first, ...others] }
}

/** Whether a value is what `multiPlatformImage` returned. */
export function isMultiPlatformImage(value: unknown): value is MultiPlatformImage {
  return typeof value === 'object' && value !== null && 'function' in value && value.function === 'multiPlatformImage'
}

function invalid(reason: string): DockerToolsError {
  return new DockerToolsError('DEFINITION_INVALID', `Cannot call multiPlatformImage: ${reason}`)
}
