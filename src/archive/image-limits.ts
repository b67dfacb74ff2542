import { type DecompressLimits, DEFAULT_DECOMPRESS_LIMITS } from '#compress'
import { DockerToolsError } from '#errors'

/** What a foreign image may ask for. A limit that is passed gives `LIMIT_EXCEEDED`, and the message names it. */
export interface ImageLimits extends DecompressLimits {
  /** Bytes of one manifest or index. */
  readonly maxManifestBytes: number
  /** Bytes of one configuration. */
  readonly maxConfigBytes: number
  /** Manifests and indexes that are read to list the images of one archive. */
  readonly maxManifests: number
  /** Layers of one image. */
  readonly maxLayers: number
  /** Members of the archive, and of each layer. */
  readonly maxMembers: number
}

export const DEFAULT_IMAGE_LIMITS: ImageLimits = {
  ...DEFAULT_DECOMPRESS_LIMITS,
  maxManifestBytes: 4 * 1024 * 1024,
  maxConfigBytes: 4 * 1024 * 1024,
  maxManifests: 1000,
  maxLayers: 10_000,
  maxMembers: 10_000_000,
}

/** Refuses `value` above the limit called `name`. */
export function checkLimit(limits: ImageLimits, name: keyof ImageLimits, value: number, subject: string): void {
  if (value <= limits[name]) return
  throw new DockerToolsError('LIMIT_EXCEEDED', `Cannot read ${subject}, the limit "${name}" is ${limits[name]}`, {
    hint: `If the data is to be trusted, raise the limit "${name}"`,
  })
}
