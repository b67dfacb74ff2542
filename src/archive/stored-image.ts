import type { Digest, JsonObject, Platform } from '#image'
import type { StoredFile } from './image-files.ts'
import type { ImageName } from './image-name.ts'

/** A layer as it stands on disk, compressed or not. `scanLayer` and `openLayer` read it. */
export interface ImageLayer {
  /** Its member or blob, as the manifest names it. */
  readonly name: string
  /** Digest of the plain bytes, as the configuration has it. */
  readonly diffId: Digest
  /** Digest of the bytes as stored, where something says it. */
  readonly blobDigest: Digest | undefined
  /** What the manifest says the bytes are; the bytes themselves decide. */
  readonly mediaType: string | undefined
  /** The bytes as stored. Nothing has been checked yet. */
  readonly file: StoredFile
}

/** An image on disk, with its configuration read and checked. */
export interface StoredImage {
  readonly names: readonly ImageName[]
  readonly platform: Platform
  /** The configuration as stored: its digest is the image ID. */
  readonly rawConfig: Uint8Array
  readonly config: JsonObject
  readonly imageId: Digest
  /** Lowest first. */
  readonly layers: readonly ImageLayer[]
}

/** An image that an archive lists, for one platform or for several. */
export interface ListedImage {
  readonly names: readonly ImageName[]
  /** The platforms it is there for; attestations and artifacts do not count. */
  platforms(): Promise<readonly Platform[]>
  /**
   * Reads it.
   *
   * @param platform Which one; without it the only one, or this machine's.
   * @throws {DockerToolsError} `DEFINITION_INVALID` if it is not there for the platform that was asked for,
   *   `FORMAT_UNSUPPORTED` if there are several and none is this machine's; both list what is there.
   */
  load(platform: Platform | undefined): Promise<StoredImage>
}
