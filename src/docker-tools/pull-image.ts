import { open } from 'node:fs/promises'
import { placeholderOf, REALISE } from '#derivation'
import { DockerToolsError } from '#errors'
import { formatReference } from '#registry'
import { formatHash, makeFixedOutputPath, type StorePath } from '#store'
import type { ByteSink } from '#util'
import type { BuildContext } from './build-context.ts'
import { noConf } from './build-image.ts'
import { expectHash, warnOfFakeHash } from './fixed-hash.ts'
import { HashedSink } from './hashed-sink.ts'
import type { ImageRealisation } from './image-realisation.ts'
import { inContext } from './in-context.ts'
import { ownedChunks } from './layered-recipe.ts'
import { ownRealisable } from './own-output.ts'
import { archiveTag, pullArchive } from './pull-archive.ts'
import { type PullImageArgs, resolvePullArgs } from './pull-image-args.ts'
import { realise } from './realise.ts'
import type { BuildOptions, ImageSummary, PulledRecipe, RealiseOutputOptions, WriteOptions } from './recipe.ts'
import { writeStoredPull } from './write-stored-pull.ts'

/**
 * Describes an image in a registry, as a docker-archive with a hash that is known beforehand.
 *
 * The archive is byte for byte what `skopeo copy docker://… docker-archive:…` writes, so hashes made with upstream
 * hold here. What a store has under the path that follows from name and hash is taken from there. Layers are fetched a few at a time, checked while they are read, and kept in the cache by their digests:
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
  const pathIn = (dir: string): StorePath => makeFixedOutputPath('flat', expected.hash, names.name, {}, dir)

  const pull = async (sink: ByteSink, context: BuildContext): Promise<ImageSummary> => {
    const { environment, signal, cacheDirectory = null } = context
    warnOfFakeHash(expected)
    const hashed = new HashedSink(expected.hash.algorithm, sink)
    const { imageId, layers, repoTag, size } = await pullArchive({ reference, platform, finalName }, hashed, {
      tlsVerify,
      environment,
      cacheDirectory,
      ...(signal === undefined ? {} : { signal }),
    })
    expectHash(expected, hashed.finish(), what)
    await hashed.release()
    return { imageId, repoTag, layers, archiveBytes: size }
  }
  const write = async (sink: ByteSink, context: BuildContext, { repoTag }: WriteOptions): Promise<ImageSummary> => {
    if (repoTag !== undefined) throw notRenamed(what, repoTag)
    const path = pathIn(context.store.dir)
    if (!(await context.store.has(path))) return await pull(sink, context)
    return await writeStoredPull(path, { expected, repoTag: archiveTag(finalName), what }, context, sink)
  }
  const output = ownRealisable({
    name: names.name,
    contentAddress: `fixed:${expected.hash.algorithm}:${formatHash(expected.hash, 'nix32')}`,
    outPath: (context) => Promise.resolve(pathIn(context.store.dir)),
    prepare: () => Promise.resolve(),
    make: async (place, context) => {
      await using file = await open(place, 'wx')
      await pull({ write: (chunk) => file.writeFile(chunk) }, context)
      // A fixed output refers to nothing, as in Nix, whatever its bytes look like.
      return []
    },
  })
  const realisation: ImageRealisation = { ...output[REALISE], archive: output, writeTo: write }
  const recipe: PulledRecipe = {
    function: 'pullImage',
    imageName: names.imageName,
    imageDigest: args.imageDigest,
    args: { ...args },
    passthru: {},
    meta: {},
    [REALISE]: realisation,
    toString: () => placeholderOf(recipe),
    imageTag: () => Promise.resolve(names.imageTag),
    conf: () => Promise.reject(noConf('pullImage')),
    layers: () => Promise.resolve([]),
    outputPath: (options: BuildOptions = {}) => inContext(options, ({ store }) => Promise.resolve(pathIn(store.dir))),
    build: (options: RealiseOutputOptions = {}) => realise(recipe, options),
    writeTo: (sink: ByteSink, options: WriteOptions = {}) =>
      inContext(options, (context) => write(sink, context, options)),
    writeCompressedTo: (sink: ByteSink, options: WriteOptions = {}) => recipe.writeTo(sink, options),
    chunks: (options: WriteOptions = {}) => ownedChunks((sink) => recipe.writeTo(sink, options)),
  }
  return recipe
}

function notRenamed(what: string, repoTag: string): DockerToolsError {
  return new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot give ${what} the name "${repoTag}": its hash is that of an archive with "finalImageName" and "finalImageTag"`,
  )
}
