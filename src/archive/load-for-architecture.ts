import type { ListedImage, StoredImage } from './stored-image.ts'

/**
 * Reads an image. Where it is there for several platforms, the one for this
 * architecture is taken; without one, or where there is none for it, this machine's.
 *
 * @throws {DockerToolsError} `FORMAT_UNSUPPORTED` if there are several and none will do; the message lists what is there.
 */
export async function loadForArchitecture(image: ListedImage, architecture: string | undefined): Promise<StoredImage> {
  const platforms = architecture === undefined ? [] : await image.platforms()
  const found = platforms.find((there) => there.os === 'linux' && there.architecture === architecture)
  return await image.load(platforms.length > 1 ? found : undefined)
}
