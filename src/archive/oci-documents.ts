import { type Digest, digestOf, type Platform } from '#image'

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json'
export const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'

/** What layers are called, by their compressor. */
export const LAYER_TYPES: Readonly<Record<'none' | 'gz' | 'zstd', string>> = {
  none: 'application/vnd.oci.image.layer.v1.tar',
  gz: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
}

/** What the parts of an image are called in a registry. Docker's own words have none for layers in zstd. */
export interface ImageTypes {
  readonly manifest: string
  readonly index: string
  readonly config: string
  readonly layers: Readonly<Record<'none' | 'gz' | 'zstd', string | undefined>>
}

const DOCKER = 'application/vnd.docker'

export const IMAGE_TYPES: Readonly<Record<'oci' | 'docker', ImageTypes>> = {
  oci: { manifest: MANIFEST_TYPE, index: INDEX_TYPE, config: CONFIG_TYPE, layers: LAYER_TYPES },
  docker: {
    manifest: `${DOCKER}.distribution.manifest.v2+json`,
    index: `${DOCKER}.distribution.manifest.list.v2+json`,
    config: `${DOCKER}.container.image.v1+json`,
    layers: {
      none: `${DOCKER}.image.rootfs.diff.tar`,
      gz: `${DOCKER}.image.rootfs.diff.tar.gzip`,
      zstd: undefined,
    },
  },
}

/** A descriptor as it is written; members stand in the order of the specification's examples. */
export interface WrittenDescriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
  readonly platform?: WrittenPlatform
}

/** A platform as descriptors have it: without a variant where there is none. */
export interface WrittenPlatform {
  readonly architecture: string
  readonly os: string
  readonly variant?: string
}

export function writtenPlatform({ architecture, os, variant }: Platform): WrittenPlatform {
  return { architecture, os, ...(variant === undefined ? {} : { variant }) }
}

/** The descriptor of bytes in memory. */
export function describe(mediaType: string, bytes: Uint8Array): WrittenDescriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}

export function encodeManifest(
  config: WrittenDescriptor,
  layers: readonly WrittenDescriptor[],
  mediaType: string = MANIFEST_TYPE,
): Uint8Array {
  return encode({ schemaVersion: 2, mediaType, config, layers })
}

export function encodeIndex(manifests: readonly WrittenDescriptor[], mediaType: string = INDEX_TYPE): Uint8Array {
  return encode({ schemaVersion: 2, mediaType, manifests })
}

/** `manifest.json` of a docker-archive whose files are the layout's blobs. */
export function encodeDockerManifest(
  images: readonly {
    readonly config: string
    readonly repoTags: readonly string[]
    readonly layers: readonly string[]
  }[],
): Uint8Array {
  return encode(images.map(({ config, repoTags, layers }) => ({ Config: config, RepoTags: repoTags, Layers: layers })))
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), 'utf8')
}
