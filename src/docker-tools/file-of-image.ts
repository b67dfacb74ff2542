import { open } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import { makeTempDir } from '#util'
import type { BuildContext } from './build-context.ts'
import { fileOfStorePath } from './file-of-store-path.ts'
import type { PathArgument } from './layered-image-args.ts'
import { isRecipe } from './path-argument.ts'
import type { BuildOptions } from './recipe.ts'
import { resolvePath } from './resolve-path.ts'

/** Images on disk, and what errors call them. */
export interface FileOfImage extends AsyncDisposable {
  readonly path: string
  readonly what: string
}

/**
 * The file or folder that `fromImage` is: a local one, a store path, or the
 * archive of a recipe, which is written to a temporary file.
 *
 * @throws {DockerToolsError} `STORE_PATH_MISSING`, and what the recipe throws.
 */
export async function fileOfImage(
  value: PathArgument,
  context: BuildContext,
  options: BuildOptions,
): Promise<FileOfImage> {
  if (isRecipe(value)) {
    await using stack = new AsyncDisposableStack()
    const scratch = stack.use(await makeTempDir('image-'))
    const path = join(scratch.path, 'image.tar')
    await using file = await open(path, 'wx')
    await value.writeTo({ write: (chunk) => file.writeFile(chunk) }, options)
    return owned(path, `image "${value.imageName}"`, stack.move())
  }
  if (typeof value === 'string' && !value.startsWith(`${context.store.dir}/`)) {
    const path = isAbsolute(value) ? value : resolve(context.baseDirectory, value)
    return { path, what: `image "${value}"`, [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  const storePath = await resolvePath(value, 'fromImage', context)
  const file = await fileOfStorePath(storePath, 'fromImage', context.store)
  return owned(file.path, `image "${storePath}"`, file)
}

function owned(path: string, what: string, owner: AsyncDisposable): FileOfImage {
  return { path, what, [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()) }
}
