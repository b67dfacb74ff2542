import { open } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import type { Realisable } from '#derivation'
import { DockerToolsError } from '#errors'
import type { StorePath } from '#store'
import { makeTempDir } from '#util'
import type { BuildContext } from './build-context.ts'
import { isExportRecipe } from './export-recipe.ts'
import { fileOfStorePath } from './file-of-store-path.ts'
import { imageRealisation } from './image-realisation.ts'
import type { PathArgument } from './layered-image-args.ts'
import { isRecipe } from './path-argument.ts'
import type { Recipe } from './recipe.ts'
import { madeFirst, resolvePath } from './resolve-path.ts'

/** Images on disk. */
export interface FileOfImage extends AsyncDisposable {
  /** Where they are now. */
  readonly path: string
  /** What errors call them, for example `base image "base.tar"`. */
  readonly what: string
  /** What the conf calls them: their store path, or where they are. */
  readonly label: string
  /** The path they have, or would have, in the store. For a local file that takes reading it. */
  storePath(): Promise<StorePath>
}

/** What an argument is called in errors. */
export interface ImageNaming {
  readonly argument: string
  readonly noun: string
}

/**
 * The file or folder that an image argument is: a local one, a store path, what
 * is made for it, or the archive of an image recipe, which is written to a
 * temporary file where no store has it.
 *
 * @throws {DockerToolsError} `STORE_PATH_MISSING`, and what the recipe throws.
 */
export async function fileOfImage(
  value: PathArgument,
  { argument, noun }: ImageNaming,
  context: BuildContext,
): Promise<FileOfImage> {
  const made = madeFirst(value)
  if (made !== undefined) archiveOf(made)
  if (isRecipe(made)) return await fileOfRecipe(made, noun, context)
  if (made === undefined && typeof value === 'string' && !value.startsWith(`${context.store.dir}/`)) {
    const path = isAbsolute(value) ? value : resolve(context.baseDirectory, value)
    const storePath = (): Promise<StorePath> => context.sources.add(path, context.baseDirectory)
    return { path, what: `${noun} "${value}"`, label: path, storePath, [Symbol.asyncDispose]: nothing }
  }
  const storePath = await resolvePath(value, argument, context)
  const file = await fileOfStorePath(storePath, argument, context.store)
  return {
    path: file.path,
    what: `${noun} "${storePath}"`,
    label: storePath,
    storePath: () => Promise.resolve(storePath),
    [Symbol.asyncDispose]: () => Promise.resolve(file[Symbol.asyncDispose]()),
  }
}

/**
 * Makes the archive of an image in the store, unless it is there, so that it is
 * taken from there: for images whose own results go to the store.
 *
 * @returns Its path, or undefined for what is a file or a store path already.
 */
export async function realiseImage(value: PathArgument, context: BuildContext): Promise<StorePath | undefined> {
  const made = madeFirst(value)
  return made === undefined ? undefined : await context.session.realise(archiveOf(made))
}

async function fileOfRecipe(recipe: Recipe, noun: string, context: BuildContext): Promise<FileOfImage> {
  const archivePath = await context.session.outPath(archiveOf(recipe))
  const what = `${noun} "${recipe.imageName}"`
  const label = await context.session.outPath(recipe)
  const storePath = (): Promise<StorePath> => Promise.resolve(label)
  const stored = (await context.store.has(archivePath)) ? await context.store.realPath(archivePath) : undefined
  if (stored !== undefined) return { path: stored, what, label, storePath, [Symbol.asyncDispose]: nothing }
  await using stack = new AsyncDisposableStack()
  const scratch = stack.use(await makeTempDir('image-'))
  const path = join(scratch.path, 'image.tar')
  await using file = await open(path, 'wx')
  await imageRealisation(recipe).writeTo({ write: (chunk) => file.writeFile(chunk) }, context, {})
  const owner = stack.move()
  return { path, what, label, storePath, [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()) }
}

function archiveOf(value: Realisable): Realisable {
  if (isExportRecipe(value)) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot use the result of ${value.function} as an image: it is a file system, it should be an image`,
    )
  }
  return isRecipe(value) ? imageRealisation(value).archive : value
}

function nothing(): Promise<void> {
  return Promise.resolve()
}
