/**
 * Images in files: docker-archives and OCI layouts, read and written, as images
 * and as trees of members; the file system that an image's layers make; Docker's
 * checksum of tars. Knows nothing of stores, layering or the functions that make
 * images.
 *
 * Formats: https://github.com/moby/docker-image-spec/blob/main/spec.md and
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export {
  type ArchivedMember,
  type ArchiveDirectory,
  type ArchiveFile,
  type ArchiveNode,
  archiveTree,
  makeDirectory,
  textFile,
} from './archive-tree.ts'
export { ArchiveWriter } from './archive-writer.ts'
export {
  type ArchivedImage,
  type ArchivedLayer,
  type DockerArchive,
  type DockerImage,
  type DockerLayer,
} from './docker-archive.ts'
export { choosePlatform } from './choose-platform.ts'
export { DEFAULT_IMAGE_LIMITS, type ImageLimits } from './image-limits.ts'
export { formatImageName, type ImageName, parseImageName } from './image-name.ts'
export { archiveOutput, folderOutput, type LayoutOutput } from './layout-output.ts'
export { indexLayer } from './index-layer.ts'
export { MergedTree } from './merged-tree.ts'
export {
  describe,
  encodeIndex,
  encodeManifest,
  IMAGE_TYPES,
  type ImageTypes,
  type WrittenDescriptor,
  writtenPlatform,
} from './oci-documents.ts'
export { type BaseArchive, openBaseArchive } from './open-base-archive.ts'
export { openDockerArchive } from './open-docker-archive.ts'
export { type ImageArchive, openImageArchive, type WantedImage } from './open-image-archive.ts'
export { readSkopeoSummary } from './read-skopeo-summary.ts'
export { compressionOf, type PlainLayer, readLayer, scanLayer } from './scan-layer.ts'
export type { ImageLayer, ListedImage, StoredImage } from './stored-image.ts'
export { verifyDigest } from './verify-digest.ts'
export { writeFileSystem } from './write-file-system.ts'
export { type ImageOfPlatforms, type ImageToWrite, writeOciLayout } from './write-oci-layout.ts'
export { type SkopeoImage, type WrittenArchive, writeSkopeoArchive } from './write-skopeo-archive.ts'
export { isPlainLayer, openVerifiedLayer, verifyLayer } from './verified-layer.ts'
export { TarSum, type TarSumMember, tarSumOf } from './tarsum.ts'
export { writeArchiveTree } from './write-archive-tree.ts'
export { writeDockerArchive } from './write-docker-archive.ts'
