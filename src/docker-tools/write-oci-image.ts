import {
  archiveOutput,
  folderOutput,
  type ImageOfPlatforms,
  type ImageToWrite,
  type LayoutOutput,
  openImageArchive,
  writeOciLayout as writeLayout,
} from '#archive'
import { formatPlatform, type Platform } from '#image'
import type { CompressorName } from '#compress'
import { DockerToolsError } from '#errors'
import { withReporter } from '#events'
import type { Digest } from '#image'
import type { ByteSink } from '#util'
import { openContext } from './build-context.ts'
import { checkOptions } from './check-options.ts'
import { fileOfImage } from './file-of-image.ts'
import { interruptible } from './interruptible.ts'
import { isMultiPlatformImage, type MultiPlatformImage } from './multi-platform-image.ts'
import type { BuildOptions, Recipe } from './recipe.ts'

/** What was written. */
export interface OciSummary {
  /** Digest of what the index names first: a manifest, or the index of several platforms. Registries call it by this. */
  readonly digest: Digest
}

/**
 * Writes an image as an OCI archive: a tar of an OCI layout. The recipe's
 * `compressor` compresses the layers; streamed images have none. `docker load`
 * reads it too, except for several platforms and, before Docker 25, for zstd.
 *
 * The image is made first, as an archive in a temporary file.
 *
 * @param image What an image function returned, or several platforms.
 * @param sink Receives the archive. Writes are awaited; it is not closed.
 * @param options Stores, cache, threads, `signal`, `onEvent`: those of all recipes.
 * @returns The digest of the manifest, or of the index: what a registry would call it.
 * @throws {DockerToolsError} As the recipe; `DEFINITION_INVALID` for images of several platforms that do not
 *   have the platform or the tag they should have.
 * @remarks Not in nixpkgs.
 *
 * @example An archive for every OCI tool
 * ```ts
 * import { buildLayeredImage, writeOciArchive } from 'dockertools'
 *
 * const image = buildLayeredImage({ name: 'site', tag: '1.0', contents: './examples/site/pages' })
 * const { digest } = await writeOciArchive(image, { write: () => undefined })
 * console.log(digest)
 * ```
 */
export async function writeOciArchive(
  image: Recipe | MultiPlatformImage,
  sink: ByteSink,
  options: BuildOptions = {},
): Promise<OciSummary> {
  return await write(image, archiveOutput(sink), options)
}

/**
 * Writes an image as an OCI layout into a folder that is there and empty. Otherwise as `writeOciArchive`.
 *
 * @param image What an image function returned, or several platforms.
 * @param folder Its path; it has to be there, and empty.
 * @param options Stores, cache, threads, `signal`, `onEvent`: those of all recipes.
 * @returns As `writeOciArchive`.
 * @throws {DockerToolsError} As `writeOciArchive`, and `WRITE_FAILED`.
 * @remarks Not in nixpkgs.
 *
 * @example A folder for skopeo
 * ```ts
 * import { mkdirSync } from 'node:fs'
 * import { streamLayeredImage, writeOciLayout } from 'dockertools'
 *
 * mkdirSync('result-layout')
 * const image = streamLayeredImage({ name: 'site', tag: '1.0', contents: './examples/site/pages' })
 * console.log((await writeOciLayout(image, 'result-layout')).digest)
 * ```
 */
export async function writeOciLayout(
  image: Recipe | MultiPlatformImage,
  folder: string,
  options: BuildOptions = {},
): Promise<OciSummary> {
  return await write(image, await folderOutput(folder), options)
}

async function write(
  image: Recipe | MultiPlatformImage,
  output: LayoutOutput,
  options: BuildOptions,
): Promise<OciSummary> {
  checkOptions(options)
  return await withReporter(options.onEvent, () =>
    interruptible(options.signal, async () => {
      const { onEvent: _, ...others } = options
      await using stack = new AsyncDisposableStack()
      const entries = isMultiPlatformImage(image)
        ? [await openPlatforms(image, others, stack)]
        : await openRecipe(image, others, stack)
      const [first, ...more] = entries
      if (first === undefined) throw new DockerToolsError('INTERNAL', 'Cannot write an image: there is none')
      return { digest: await writeLayout([first, ...more], output) }
    }),
  )
}

/** All images of a recipe's archive, with their names. */
async function openRecipe(
  recipe: Recipe,
  options: BuildOptions,
  stack: AsyncDisposableStack,
): Promise<ImageOfPlatforms[]> {
  const context = stack.use(await openContext(options))
  const named = { argument: 'image', noun: 'image' }
  const file = stack.use(await fileOfImage(recipe, named, context))
  const archive = stack.use(await openImageArchive(file.path, file.what))
  const entries: ImageOfPlatforms[] = []
  for (const listed of archive.images) {
    const image = await listed.load(undefined)
    const toWrite = { image, compressor: compressorOf(recipe), what: file.what, limits: archive.limits }
    entries.push({ names: image.names, images: [toWrite] })
  }
  return entries
}

async function openPlatforms(
  image: MultiPlatformImage,
  options: BuildOptions,
  stack: AsyncDisposableStack,
): Promise<ImageOfPlatforms> {
  const images: ImageToWrite[] = []
  const tags = new Set<string>()
  for (const { platform, recipe } of image.images) {
    const [only] = await openRecipe(recipe, options, stack)
    const [toWrite] = only?.images ?? []
    if (toWrite === undefined) throw new DockerToolsError('INTERNAL', 'Cannot write an image: there is none')
    checkPlatform(toWrite.image.platform, platform)
    images.push({ ...toWrite, image: { ...toWrite.image, platform: { ...platform } } })
    for (const { tag } of only?.names ?? []) if (tag !== undefined) tags.add(tag)
  }
  const [tag, ...otherTags] = image.tag === null ? tags : [image.tag]
  if (otherTags.length > 0) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot write image "${image.imageName}": its platforms have the tags "${[...tags].join('", "')}", they should have one`,
      { hint: 'Give all of them a tag, or the image for several platforms one with "tag"' },
    )
  }
  const [first, ...others] = images
  if (first === undefined) throw new DockerToolsError('INTERNAL', 'Cannot write an image: there is none')
  return { names: [{ name: image.imageName, tag }], images: [first, ...others] }
}

/** @throws {DockerToolsError} `DEFINITION_INVALID` for an image that is made for another platform. */
export function checkPlatform(actual: Platform, expected: Platform): void {
  if (actual.os === expected.os && actual.architecture === expected.architecture) return
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot use an image for "${formatPlatform(expected)}": its configuration is for "${formatPlatform(actual)}"`,
    { hint: `Give it the argument "architecture": "${expected.architecture}"` },
  )
}

function compressorOf(recipe: Recipe): CompressorName {
  const name = 'compressor' in recipe ? recipe.compressor : undefined
  return name === 'gz' || name === 'zstd' ? name : 'none'
}
