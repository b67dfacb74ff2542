/**
 * Images in registries: names, credentials, and requests that answer the registry's questions about who we are.
 * Knows nothing of archives, stores or the functions that make images.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md and
 *   https://distribution.github.io/distribution/spec/auth/
 */
export { DOCKER_HUB, formatReference, type ImageReference, parseReference } from './reference.ts'
export { type BlobToUpload, hasBlob } from './blob.ts'
export { checkPush } from './check-push.ts'
export { type ManifestToPut, putManifest } from './put-manifest.ts'
export { isNewRepository } from './is-new-repository.ts'
export { UploadAhead } from './upload-ahead.ts'
export { uploadBlob, type UploadOptions, type UploadOutcome } from './upload-blob.ts'
export { openRegistry, type RegistryClient, type RegistryRequest } from './registry-client.ts'
export type { RegistryOptions } from './registry-options.ts'
export { openRemoteImage, type PullOptions, type RemoteImage } from './open-remote-image.ts'
export type { BlobDescriptor } from './parse-manifest.ts'
