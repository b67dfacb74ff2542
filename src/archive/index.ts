/**
 * Images in files: reads and writes docker-archives, as images and as trees of
 * members, and takes Docker's checksum of tars. Knows nothing of stores,
 * layering or the functions that make images.
 *
 * Format: https://github.com/moby/docker-image-spec/blob/main/spec.md
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
export { type ArchivedImage, type ArchivedLayer, type DockerArchive, openDockerArchive } from './docker-archive.ts'
export { verifyDigest } from './verify-digest.ts'
export { isPlainLayer, openVerifiedLayer } from './verified-layer.ts'
export { TarSum, type TarSumMember, tarSumOf } from './tarsum.ts'
export { writeArchiveTree } from './write-archive-tree.ts'
