import { open } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import { type ArchivedImage, type BaseArchive, openBaseArchive } from '#archive'
import type { StorePath } from '#store'
import { makeTempDir } from '#util'
import type { BuildContext } from './build-context.ts'
import { fileOfStorePath } from './file-of-store-path.ts'
import type { PathArgument } from './layered-image-args.ts'
import { isRecipe } from './path-argument.ts'
import type { BuildOptions } from './recipe.ts'
import { recipeOutputPath } from './recipe-output-path.ts'
import { resolvePath } from './resolve-path.ts'

/** A base image that is open. */
export interface BaseImage extends AsyncDisposable {
  readonly image: ArchivedImage
  /** What the conf calls it: its store path, or where it is. */
  readonly label: string
  /** The path it has, or would have, in the store. For a local file that takes reading it. */
  storePath(): Promise<StorePath>
}

/**
 * Opens the first image of a base archive: a file, the folder of an OCI layout, a store path, or the
 * result of another recipe.
 *
 * @throws {DockerToolsError} as `openBaseArchive`, and `STORE_PATH_MISSING`.
 */
export async function openBaseImage(
  value: PathArgument,
  context: BuildContext,
  options: BuildOptions,
): Promise<BaseImage> {
  if (isRecipe(value)) {
    const storePath = await recipeOutputPath(value, options)
    await using stack = new AsyncDisposableStack()
    const scratch = stack.use(await makeTempDir('base-'))
    const path = join(scratch.path, 'image.tar')
    await using file = await open(path, 'wx')
    await value.writeTo({ write: (chunk) => file.writeFile(chunk) }, options)
    const archive = stack.use(await openBaseArchive(path, `base image "${value.imageName}"`))
    return baseImage(archive, storePath, () => Promise.resolve(storePath), stack.move())
  }
  if (typeof value === 'string' && !value.startsWith(`${context.store.dir}/`)) {
    const path = isAbsolute(value) ? value : resolve(context.baseDirectory, value)
    const archive = await openBaseArchive(path, `base image "${value}"`)
    return baseImage(archive, path, () => context.sources.add(path, context.baseDirectory), archive)
  }
  const storePath = await resolvePath(value, 'fromImage', context)
  await using stack = new AsyncDisposableStack()
  const file = stack.use(await fileOfStorePath(storePath, 'fromImage', context.store))
  const archive = stack.use(await openBaseArchive(file.path, `base image "${storePath}"`))
  return baseImage(archive, storePath, () => Promise.resolve(storePath), stack.move())
}

function baseImage(
  archive: BaseArchive,
  label: string,
  storePath: () => Promise<StorePath>,
  owner: AsyncDisposable,
): BaseImage {
  return {
    image: archive.image,
    label,
    storePath,
    [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()),
  }
}
