import { withReporter } from '#events'
import { makeFixedOutputPath } from '#store'
import { DockerToolsError } from '#errors'
import { formatReference } from '#registry'
import type { ByteSink } from '#util'
import { noConf } from './build-image.ts'
import { openContext } from './build-context.ts'
import { expectHash, warnOfFakeHash } from './fixed-hash.ts'
import { HashedSink } from './hashed-sink.ts'
import { ownedChunks } from './layered-recipe.ts'
import { pullArchive } from './pull-archive.ts'
import { type PullImageArgs, resolvePullArgs } from './pull-image-args.ts'
import type { BuildOptions, ImageSummary, PulledRecipe, WriteOptions } from './recipe.ts'

/**
 * Describes an image in a registry, as a docker-archive with a hash that is known beforehand.
 *
 * The archive is byte for byte what `skopeo copy docker://… docker-archive:…` writes, so hashes made with upstream
 * hold here. Layers are fetched a few at a time, checked while they are read, and kept in the cache by their digests:
 * what is there is not fetched again, and no network is needed where all of it is. The user's credentials are found
 * as Docker and podman keep them.
 *
 * @param args Upstream's arguments.
 * @returns A recipe: `writeTo(sink)` gives the archive. Where its hash is another one, that rejects before the end
 *   of the archive is written.
 * @throws {DockerToolsError} `DEFINITION_INVALID` for an unknown argument or a wrong value.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `pullImage`
 * @remarks Differs from nixpkgs: `docs/parity.md`.
 *
 * @example Use an image of a registry as base
 * ```ts
 * import { pullImage, streamLayeredImage } from 'dockertools'
 *
 * const nix = pullImage({
 *   imageName: 'nixos/nix',
 *   imageDigest: 'sha256:473a2b527958665554806aea24d0131bacec46d23af09fef4598eeab331850fa',
 *   hash: 'sha256-qvhj+Hlmviz+KEBVmsyPIzTB3QlVAFzwAY1zDPIBGxc=',
 *   finalImageName: 'nix',
 *   finalImageTag: '2.11.1',
 * })
 * console.log(await nix.outputPath(), streamLayeredImage({ name: 'mine', tag: '1', fromImage: nix }).imageName)
 * ```
 */
export function pullImage(args: PullImageArgs): PulledRecipe {
  const { reference, platform, finalName, expected, tlsVerify, ...names } = resolvePullArgs(args)
  const what = `image "${formatReference(reference)}"`

  const writeTo = (sink: ByteSink, options: WriteOptions = {}): Promise<ImageSummary> =>
    withReporter(options.onEvent, async () => {
      options.signal?.throwIfAborted()
      if (options.repoTag !== undefined) {
        throw new DockerToolsError(
          'DEFINITION_INVALID',
          `Cannot give ${what} the name "${options.repoTag}": its hash is that of an archive with "finalImageName" and "finalImageTag"`,
        )
      }
      warnOfFakeHash(expected)
      const hashed = new HashedSink(expected.hash.algorithm, sink)
      const { imageId, layers, repoTag, size } = await pullArchive({ reference, platform, finalName }, hashed, {
        ...options,
        tlsVerify,
      })
      expectHash(expected, hashed.finish(), what)
      await hashed.release()
      return { imageId, repoTag, layers, archiveBytes: size }
    })

  return {
    function: 'pullImage',
    imageName: names.imageName,
    imageDigest: args.imageDigest,
    args: { ...args },
    passthru: {},
    meta: {},
    imageTag: () => Promise.resolve(names.imageTag),
    conf: () => Promise.reject(noConf('pullImage')),
    layers: () => Promise.resolve([]),
    outputPath: async (options: BuildOptions = {}) => {
      const { store } = await openContext(options)
      return makeFixedOutputPath('flat', expected.hash, names.name, {}, store.dir)
    },
    writeTo,
    writeCompressedTo: writeTo,
    chunks: (options: WriteOptions = {}) => ownedChunks((sink) => writeTo(sink, options)),
  }
}
