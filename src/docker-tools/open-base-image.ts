import { type ArchivedImage, type DockerArchive, type DockerImage, openBaseArchive, openDockerArchive } from '#archive'
import { DockerToolsError } from '#errors'
import type { StorePath } from '#store'
import type { BuildContext } from './build-context.ts'
import { type FileOfImage, fileOfImage, type ImageNaming } from './file-of-image.ts'
import type { PathArgument } from './layered-image-args.ts'

/** A file that was opened, and what it is called. */
export interface OpenedFile<Archive> extends Omit<FileOfImage, 'path'> {
  readonly archive: Archive
}

/** A docker-archive that is open. */
export type ImageFile = OpenedFile<DockerArchive>

/** A base image that is open. */
export interface BaseImage<Image extends ArchivedImage = ArchivedImage> extends AsyncDisposable {
  readonly image: Image
  readonly label: string
  storePath(): Promise<StorePath>
}

/** A base image in a docker-archive, with the archive around it. */
export interface DockerBaseImage extends BaseImage<DockerImage> {
  readonly archive: DockerArchive
  readonly what: string
}

/** Which image of an archive is meant: by name, by tag, or by both. */
export interface ImageChoice {
  readonly name: string | null
  readonly tag: string | null
}

const BASE: ImageNaming = { argument: 'fromImage', noun: 'base image' }

/**
 * Opens the first image of a base archive: a file, the folder of an OCI layout, a store path, or the
 * result of another recipe.
 *
 * @param architecture Picks one of an image for several platforms.
 * @throws {DockerToolsError} as `openBaseArchive`, and `STORE_PATH_MISSING`.
 */
export async function openBaseImage(
  value: PathArgument,
  context: BuildContext,
  architecture: string,
): Promise<BaseImage> {
  const openArchive = (path: string, what: string) => openBaseArchive(path, what, { architecture })
  const file = await openNamedFile(value, BASE, openArchive, context)
  return { ...file, image: file.archive.image }
}

/**
 * Opens an image of a base archive as a docker-archive, for functions that take over more of it than its layers.
 *
 * @param architecture Picks one of an image for several platforms.
 * @param choice Picks one of several images; the first is the one that is meant otherwise.
 * @throws {DockerToolsError} as `openDockerArchive`, and `STORE_PATH_MISSING`; `DEFINITION_INVALID` if there is no
 *   image of that name.
 */
export async function openDockerBaseImage(
  value: PathArgument,
  context: BuildContext,
  architecture: string,
  choice: ImageChoice,
): Promise<DockerBaseImage> {
  const file = await openImageFile(value, BASE, context, architecture)
  try {
    return { ...file, image: chooseImage(file, choice) }
  } catch (error) {
    await file[Symbol.asyncDispose]()
    throw error
  }
}

/**
 * Opens a docker-archive, or an OCI image as one: a file, a folder, a store path, or the result of a recipe.
 *
 * @param named What it is called in errors.
 * @param architecture Picks one of an image for several platforms. Default: this machine's.
 * @throws {DockerToolsError} as `openDockerArchive`, and `STORE_PATH_MISSING`.
 */
export async function openImageFile(
  value: PathArgument,
  named: ImageNaming,
  context: BuildContext,
  architecture?: string,
): Promise<ImageFile> {
  const openArchive = (path: string, what: string) => openDockerArchive(path, what, architecture)
  return await openNamedFile(value, named, openArchive, context)
}

async function openNamedFile<Archive extends AsyncDisposable>(
  value: PathArgument,
  named: ImageNaming,
  openArchive: (path: string, what: string) => Promise<Archive>,
  context: BuildContext,
): Promise<OpenedFile<Archive>> {
  await using stack = new AsyncDisposableStack()
  const file = stack.use(await fileOfImage(value, named, context))
  const archive = stack.use(await openArchive(file.path, file.what))
  const owner = stack.move()
  return {
    archive,
    what: file.what,
    label: file.label,
    storePath: () => file.storePath(),
    [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()),
  }
}

function chooseImage({ archive, what }: ImageFile, { name, tag }: ImageChoice): DockerImage {
  if (name === null && tag === null) return archive.images[0]
  const isMeant = (reference: string): boolean => {
    const colon = reference.lastIndexOf(':')
    return (name === null || reference.slice(0, colon) === name) && (tag === null || reference.slice(colon + 1) === tag)
  }
  const found = archive.images.find((image) => image.repoTags.some(isMeant))
  if (found !== undefined) return found
  const wanted = name === null ? `tag "${tag}"` : `name "${name}"${tag === null ? '' : ` and tag "${tag}"`}`
  const there = archive.images.flatMap((image) => image.repoTags)
  throw new DockerToolsError('DEFINITION_INVALID', `Cannot use ${what}: it has no image with ${wanted}`, {
    hint: there.length === 0 ? 'Its images have no names' : `It has ${there.join(', ')}`,
  })
}
