import { open } from 'node:fs/promises'
import { withReporter } from '#events'
import type { Platform } from '#image'
import { type ImageReference, parseReference } from '#registry'
import { formatHash, type HashAlgorithm, makeFixedOutputPath, openWritableStore, type StorePath } from '#store'
import { HashedSink } from './hashed-sink.ts'
import { pullArchive, type RegistryPullOptions } from './pull-archive.ts'

/** What is to be pulled. */
export interface PrefetchRequest {
  /** Without tag and digest: `redis`, `quay.io/team/app`. */
  readonly imageName: string
  /** Default: what `imageTag` stands for now. */
  readonly imageDigest: string | undefined
  readonly imageTag: string
  readonly finalImageName: string
  readonly finalImageTag: string
  readonly platform: Platform
  /** What the archive is hashed with. */
  readonly algorithm: HashAlgorithm
  /** URI of the store that the archive is added to. */
  readonly store: string
}

/** What `pullImage` has to be called with, and where the archive is. */
export interface PrefetchedImage {
  readonly imageName: string
  readonly imageDigest: string
  /** SRI. */
  readonly hash: string
  readonly finalImageName: string
  readonly finalImageTag: string
  /** In the store, where `pullImage` has its result. */
  readonly path: StorePath
  /** Where that is on this machine. */
  readonly realPath: string
}

/**
 * Pulls an image into a store and tells the arguments by which `pullImage` gets the same archive.
 *
 * @throws As `pullImage` when it is used, and as the store.
 * @see nixpkgs `pkgs/build-support/docker/nix-prefetch-docker`
 */
export async function prefetchImage(request: PrefetchRequest, options: RegistryPullOptions): Promise<PrefetchedImage> {
  const { imageName, finalImageName, finalImageTag, platform, algorithm } = request
  const reference: ImageReference = parseReference(
    request.imageDigest === undefined ? `${imageName}:${request.imageTag}` : `${imageName}@${request.imageDigest}`,
  )
  const finalName = parseReference(`${finalImageName}:${finalImageTag}`)
  return await withReporter(options.onEvent, async () => {
    const { environment } = options
    await using store = openWritableStore(request.store, environment === undefined ? {} : { environment })
    const temporary = await store.scratchPath()
    const { digest, hash } = await writeArchive(temporary, { reference, platform, finalName }, algorithm, options)
    const path = makeFixedOutputPath('flat', hash, outputName(finalImageName, finalImageTag), {}, store.dir)
    const contentAddress = `fixed:${algorithm}:${formatHash(hash, 'nix32')}`
    await store.registerOutputs([{ path, physicalTemp: temporary, contentAddress }], { known: [] })
    return {
      imageName,
      imageDigest: digest,
      hash: formatHash(hash, 'sri'),
      finalImageName,
      finalImageTag,
      path,
      realPath: (await store.realPath(path)) ?? path,
    }
  })
}

/** What upstream calls the archive of an image. */
export function outputName(name: string, tag: string): string {
  return `docker-image-${name}-${tag}.tar`.replaceAll(/[/:]/g, '-')
}

async function writeArchive(
  path: string,
  request: Parameters<typeof pullArchive>[0],
  algorithm: HashAlgorithm,
  options: RegistryPullOptions,
) {
  await using file = await open(path, 'wx', 0o600)
  const sink = new HashedSink(algorithm, { write: (chunk) => file.writeFile(chunk) })
  const { digest } = await pullArchive(request, sink, options)
  await sink.release()
  return { digest, hash: sink.finish() }
}
