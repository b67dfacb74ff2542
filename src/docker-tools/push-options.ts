import type { CompressorName } from '#compress'
import type { Digest } from '#image'
import type { BuildOptions } from './recipe.ts'

/** How an image is pushed. */
export interface PushOptions extends BuildOptions {
  /** Further tags for the same image. */
  readonly tags?: readonly string[]
  /**
   * How layers are compressed. Default: as the `compressor` of the image function says; layers of an archive that are
   * in gzip or zstd stay as they are; all others become gzip.
   */
  readonly compress?: CompressorName
  /** Media types: OCI's, or Docker's own, which have no word for zstd. Default: `oci`. */
  readonly format?: 'oci' | 'docker'
  /** `NAME[:TAG]` of the image that is meant, of an archive with several. */
  readonly image?: string
  /** `OS/ARCHITECTURE[/VARIANT]`: only this one of several platforms. Default: all, with an index. */
  readonly platform?: string
  /** Repositories of the same registry that layers may be taken over from, besides those that are remembered. */
  readonly mountFrom?: readonly string[]
  /** Bytes of one request of an upload. Default: a whole layer, and less only after a failure. */
  readonly uploadChunkBytes?: number
  /** Limits on what a foreign image may ask for, by the names that errors give. */
  readonly limits?: Readonly<Record<string, number>>
  /**
   * False takes any certificate, and plain HTTP where the registry does not speak TLS. Default: true; then plain HTTP
   * is for `localhost` and loopback addresses only.
   */
  readonly tlsVerify?: boolean
  /** Folder with certificates for the registry, as in `/etc/docker/certs.d/HOST`. */
  readonly certificatesDirectory?: string
}

/** What was pushed. */
export interface PushSummary {
  /** Digest of the manifest, or of the index of several platforms. */
  readonly digest: Digest
  /** `REGISTRY/NAME:TAG@sha256:…`, one for each tag. */
  readonly references: readonly string[]
  /** How blobs came to be in the registry, by number. */
  readonly blobs: { readonly there: number; readonly mounted: number; readonly uploaded: number }
  /** Bytes of the blobs that were sent. */
  readonly uploadedBytes: number
}
