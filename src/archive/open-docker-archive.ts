import { ArchiveFiles } from './archive-files.ts'
import { type DockerArchive, dockerArchiveOf } from './docker-archive.ts'
import { DEFAULT_IMAGE_LIMITS } from './image-limits.ts'
import { ociAsDockerArchive } from './oci-as-docker-archive.ts'
import { openImageFiles, readImageArchive } from './open-image-archive.ts'
import type { ReadContext } from './read-image.ts'

/**
 * Opens what `docker save`, skopeo, podman and this package write: a tar with a
 * `manifest.json`, plain or compressed with gzip, zstd or xz. Names may begin with `./`, and
 * layers may be links to other members. An OCI archive, or the folder of an OCI layout, is
 * shown as the docker-archive of its images.
 *
 * @param what Names it in errors, for example `base image "base.tar"`.
 * @param architecture Which image is meant where one is there for several platforms. Default: this machine's.
 * @throws {DockerToolsError} `FILE_UNREADABLE`; `FORMAT_INVALID` for a broken archive;
 *   `FORMAT_UNSUPPORTED` for what is no image; `LIMIT_EXCEEDED`.
 * @throws {IntegrityError} `DIGEST_MISMATCH`, `SIZE_MISMATCH` for parts of an OCI image that are not what they should be.
 */
export async function openDockerArchive(path: string, what: string, architecture?: string): Promise<DockerArchive> {
  const context: ReadContext = { what, limits: DEFAULT_IMAGE_LIMITS }
  await using stack = new AsyncDisposableStack()
  const files = stack.use(await openImageFiles(path, context))
  const hasManifest = files instanceof ArchiveFiles && files.members.has('manifest.json')
  const archive = hasManifest
    ? await dockerArchiveOf(files.access, files.members, what)
    : await ociAsDockerArchive(await readImageArchive(files, context), files.compression, architecture)
  stack.move()
  return archive
}
