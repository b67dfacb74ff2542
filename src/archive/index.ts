/**
 * Images in files: reads and writes docker-archives. Knows nothing of stores,
 * layering or the functions that make images.
 *
 * Format: https://github.com/moby/docker-image-spec/blob/main/spec.md
 */
export { ArchiveWriter } from './archive-writer.ts'
export { type ArchivedImage, type ArchivedLayer, type DockerArchive, openDockerArchive } from './docker-archive.ts'
export { verifyDigest } from './verify-digest.ts'
