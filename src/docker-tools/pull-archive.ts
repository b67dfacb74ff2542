import { writeSkopeoArchive } from '#archive'
import type { Digest, Platform } from '#image'
import { formatReference, type ImageReference, openRemoteImage, type RegistryOptions } from '#registry'
import type { ByteSink } from '#util'
import { cacheDirectoryOf } from './cache-directory.ts'
import { plainLayers } from './plain-layers.ts'
import type { BuildOptions } from './recipe.ts'

/** What is to be pulled, and what it is called in the archive. */
export interface PullRequest {
  readonly reference: ImageReference
  readonly platform: Platform
  /** With a tag, without a digest. */
  readonly finalName: ImageReference
}

/** How a registry is talked to, besides how all work is done. */
export type RegistryPullOptions = BuildOptions &
  Pick<RegistryOptions, 'tlsVerify' | 'certificatesDirectory' | 'patience'>

/** What was pulled. */
export interface PulledArchive {
  /** Of what the name stands for: an index where there is one. */
  readonly digest: Digest
  readonly imageId: Digest
  readonly repoTag: string
  /** Plain layers, lowest first. */
  readonly layers: readonly Digest[]
  readonly size: number
}

/** Pulls an image and writes it as `skopeo copy docker://… docker-archive:…` does. */
export async function pullArchive(
  { reference, platform, finalName }: PullRequest,
  sink: ByteSink,
  options: RegistryPullOptions,
): Promise<PulledArchive> {
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const image = await openRemoteImage(reference, platform, 'pull', {
    ...registryOptions(options),
    signal,
    cacheDirectory: cacheDirectoryOf(options),
  })
  const { name, tag } = nameAndTag(finalName)
  const written = await writeSkopeoArchive(
    {
      rawConfig: image.rawConfig,
      layers: plainLayers(image, () => stop.abort()),
      name,
      tag,
      what: `"${formatReference(reference)}"`,
    },
    sink,
  )
  return { ...written, digest: image.reference.digest, repoTag: archiveTag(finalName) }
}

/** What an image is called in the archive: `docker.io/library/redis:latest`. */
export function archiveTag(finalName: ImageReference): string {
  const { name, tag } = nameAndTag(finalName)
  return `${name}:${tag}`
}

function nameAndTag(finalName: ImageReference): { readonly name: string; readonly tag: string } {
  return { name: formatReference({ ...finalName, tag: undefined }), tag: finalName.tag ?? 'latest' }
}

/** The part of the options that registries are opened with. */
export function registryOptions({
  tlsVerify,
  certificatesDirectory,
  patience,
  environment,
  signal,
}: RegistryPullOptions): RegistryOptions {
  return {
    ...(tlsVerify === undefined ? {} : { tlsVerify }),
    ...(certificatesDirectory === undefined ? {} : { certificatesDirectory }),
    ...(patience === undefined ? {} : { patience }),
    ...(environment === undefined ? {} : { environment }),
    signal,
  }
}
