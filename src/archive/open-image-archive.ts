import { stat } from 'node:fs/promises'
import { DockerToolsError, systemErrorCode } from '#errors'
import { ArchiveFiles } from './archive-files.ts'
import { FolderFiles } from './folder-files.ts'
import { DEFAULT_IMAGE_LIMITS, type ImageLimits } from './image-limits.ts'
import { formatImageName, imageNameMatches } from './image-name.ts'
import { listIndexImages } from './list-index-images.ts'
import { listManifestImages } from './list-manifest-images.ts'
import { loadForArchitecture } from './load-for-architecture.ts'
import { MemberTable } from './member-table.ts'
import { type Platform, platformMatches } from '#image'
import { openRandomAccess } from './random-access.ts'
import { invalid, type ReadContext } from './read-image.ts'
import type { ListedImage, StoredImage } from './stored-image.ts'

/** Images on disk that are open. */
export interface ImageArchive extends AsyncDisposable {
  /** `oci` is a layout in a folder. An archive that is both kinds is a docker-archive. */
  readonly format: 'docker-archive' | 'oci-archive' | 'oci'
  readonly images: readonly ListedImage[]
  readonly limits: ImageLimits
  /** Names the archive in errors. */
  readonly what: string
  /**
   * Reads one image: the first, or the one of that name, tag and platform.
   *
   * @throws {DockerToolsError} `DEFINITION_INVALID` if it is not there; the message lists what is.
   */
  select(wanted?: WantedImage): Promise<StoredImage>
}

/** Which image of an archive. What is not said does not count. */
export interface WantedImage {
  readonly imageName?: string | undefined
  readonly imageTag?: string | undefined
  readonly platform?: Platform | undefined
  /** Of an image for several platforms the one for this architecture, if it is there. */
  readonly architecture?: string | undefined
}

/**
 * Opens images on disk, whoever wrote them: a docker-archive, an OCI archive, or
 * the folder of an OCI layout. Archives may be plain or compressed with gzip, zstd or xz; a
 * compressed one is decompressed once, into a file without a name.
 *
 * @param what Names it in errors, for example `base image "base.tar"`.
 * @throws {DockerToolsError} `FILE_UNREADABLE`; `FORMAT_INVALID`, `FORMAT_UNSUPPORTED`, `PATH_UNSAFE`,
 *   `TRUNCATED` or `LIMIT_EXCEEDED` for what is not an image.
 * @throws {IntegrityError} `DIGEST_MISMATCH`, `SIZE_MISMATCH` for a manifest that is not what the index says.
 */
export async function openImageArchive(
  path: string,
  what: string,
  limits: Partial<ImageLimits> = {},
): Promise<ImageArchive> {
  const context: ReadContext = { what, limits: { ...DEFAULT_IMAGE_LIMITS, ...limits } }
  const files = await openImageFiles(path, context)
  try {
    return await readImageArchive(files, context)
  } catch (error) {
    await files[Symbol.asyncDispose]()
    throw error
  }
}

/** Opens what images are made of, before it is known of which kind they are. */
export async function openImageFiles(path: string, context: ReadContext): Promise<ArchiveFiles | FolderFiles> {
  const isFolder = await isDirectory(path, context.what)
  return isFolder ? await FolderFiles.read(path, context.what) : await openArchiveFiles(path, context)
}

/** Lists the images; with the result go the files. */
export async function readImageArchive(files: ArchiveFiles | FolderFiles, context: ReadContext): Promise<ImageArchive> {
  const { what } = context
  const [hasManifest, hasIndex] = [await files.has('manifest.json'), await files.has('index.json')]
  if (!hasManifest && !hasIndex) throw invalid(context, 'it has no "manifest.json" and no "index.json"')
  const images = hasManifest ? await listManifestImages(files, context) : await listIndexImages(files, context)
  if (images.length === 0) throw invalid(context, `its ${hasManifest ? 'manifest' : 'index'} lists no image`)
  // What is only in the index: other platforms of what Docker and BuildKit list for one platform.
  const others = (): Promise<ListedImage[]> =>
    hasManifest && hasIndex ? listIndexImages(files, context) : Promise.resolve([])
  return {
    format: files instanceof FolderFiles ? 'oci' : hasManifest ? 'docker-archive' : 'oci-archive',
    images,
    limits: context.limits,
    what,
    select: (wanted = {}) => selectImage(images, others, wanted, what),
    [Symbol.asyncDispose]: () => Promise.resolve(files[Symbol.asyncDispose]()),
  }
}

async function openArchiveFiles(path: string, { what, limits }: ReadContext): Promise<ArchiveFiles> {
  const access = await openRandomAccess(path, what, limits)
  try {
    const members = await MemberTable.read(access, what, { maxMembers: limits.maxMembers })
    return new ArchiveFiles(access, members, what)
  } catch (error) {
    await access[Symbol.asyncDispose]()
    throw error
  }
}

async function selectImage(
  images: readonly ListedImage[],
  others: () => Promise<readonly ListedImage[]>,
  { imageName, imageTag, platform, architecture }: WantedImage,
  what: string,
): Promise<StoredImage> {
  const isWanted = (image: ListedImage): boolean =>
    (imageName === undefined && imageTag === undefined) ||
    image.names.some((name) => imageNameMatches(name, imageName, imageTag))
  const found = images.find(isWanted)
  if (found === undefined) throw notThere(images, { imageName, imageTag }, what)
  if (platform === undefined) return await loadForArchitecture(found, architecture)
  if (await isFor(found, platform)) return await found.load(platform)
  for (const other of (await others()).filter(isWanted)) {
    if (await isFor(other, platform)) return await other.load(platform)
  }
  return await found.load(platform)
}

async function isFor(image: ListedImage, platform: Platform): Promise<boolean> {
  return (await image.platforms()).some((there) => platformMatches(there, platform))
}

function notThere(images: readonly ListedImage[], wanted: WantedImage, what: string): DockerToolsError {
  const names = images.flatMap((image) => image.names.map(formatImageName))
  const asked = formatImageName({ name: wanted.imageName, tag: wanted.imageTag })
  return new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot use ${what}: it has no image "${asked}", it has ${names.length === 0 ? 'images without a name only' : `"${names.join('", "')}"`}`,
  )
}

async function isDirectory(path: string, what: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    const reason = systemErrorCode(error) === 'ENOENT' ? 'there is no such file' : String(error)
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read ${what}: ${reason}`, { cause: error })
  }
}
