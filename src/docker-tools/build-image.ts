import { placeholderOf, REALISE } from '#derivation'
import { DockerToolsError } from '#errors'
import { type StorePath, storePathHash } from '#store'
import type { ByteSink } from '#util'
import type { BuildImageArgs } from './build-image-args.ts'
import { buildImageOutputs, writeOwnLayer } from './build-image-outputs.ts'
import type { BuildContext } from './build-context.ts'
import { openBuiltParts } from './built-parts.ts'
import { inContext } from './in-context.ts'
import { type BuildImageIdentity, identifyBuildImage } from './identify-build-image.ts'
import { type PartedRecipe, USE_PARTS } from './image-parts.ts'
import type { ImageRealisation } from './image-realisation.ts'
import { ownedChunks, writeCompressed } from './layered-recipe.ts'
import { measureImageLayer } from './measure-image-layer.ts'
import { type BuildImagePlan, planBuildImage } from './plan-build-image.ts'
import { realise } from './realise.ts'
import type { BuildOptions, Conf, ImageRecipe, ImageSummary, RealiseOutputOptions, WriteOptions } from './recipe.ts'
import { resolveBuildImageArgs } from './resolve-build-image-args.ts'
import { writeBuiltImage } from './write-built-image.ts'

/**
 * Describes an image with one layer of its own, on top of those of a base
 * image.
 *
 * Arguments are checked at once; everything else happens when the recipe is
 * used. The files of `copyToRoot` are copied into the image's root,
 * `extraCommands` runs there, and the files of all store paths that the result
 * and `config` name are added, unless a base layer has them. Every file is read twice: once to
 * measure the layer, once to write it.
 *
 * @param args Upstream's arguments.
 * @returns A recipe: `writeTo(sink)` gives the uncompressed docker-archive, `writeCompressedTo(sink)` the compressed one.
 * @throws {DockerToolsError} `DEFINITION_INVALID` for an unknown argument or a wrong value.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `buildImage`
 * @remarks Differs from nixpkgs: `docs/parity.md`.
 *
 * @example Build an archive in memory
 * ```ts
 * import { buildImage } from 'dockertools'
 *
 * const image = buildImage({ name: 'hello', tag: 'latest', copyToRoot: './examples/hello/root', compressor: 'none' })
 * let bytes = 0
 * const { layers } = await image.writeTo({ write: (chunk) => void (bytes += chunk.length) })
 * console.log(layers, bytes)
 * ```
 */
export function buildImage(args: BuildImageArgs): ImageRecipe & PartedRecipe {
  const resolved = resolveBuildImageArgs(args)
  const { compressor, baseName } = resolved
  const imageName = resolved.name.toLowerCase()
  const planned = async <T>(context: BuildContext, use: (plan: BuildImagePlan) => Promise<T>): Promise<T> => {
    await using plan = await planBuildImage(resolved, context)
    return await use(plan)
  }
  const writePlan = async (
    plan: BuildImagePlan,
    repoTag: string | undefined,
    context: BuildContext,
    sink: ByteSink,
  ): Promise<ImageSummary> => {
    const names = { imageName, baseName, repoTag: repoTag ?? `${imageName}:${await plan.imageTag()}` }
    return await writeBuiltImage(plan, names, context, sink)
  }
  const identified = async <T>(
    options: BuildOptions,
    use: (identity: BuildImageIdentity) => T | Promise<T>,
  ): Promise<T> => await inContext(options, async (context) => await use(await identifyBuildImage(resolved, context)))
  const outputs = buildImageOutputs({ args: resolved, write: writePlan })
  const writeTo = (sink: ByteSink, context: BuildContext, { repoTag }: WriteOptions): Promise<ImageSummary> =>
    planned(context, (plan) => writePlan(plan, repoTag, context, sink))
  const realisation: ImageRealisation = { ...outputs.image[REALISE], archive: outputs.image, writeTo }
  const given = { ...args }
  const recipe: ImageRecipe & PartedRecipe = {
    function: 'buildImage',
    imageName,
    args: given,
    buildArgs: given,
    passthru: {},
    meta: resolved.meta,
    compressor,
    [REALISE]: realisation,
    toString: () => placeholderOf(recipe),
    imageTag: (options: BuildOptions = {}): Promise<string> =>
      resolved.tag === null
        ? identified(options, async (identity) => storePathHash(await identity.outputPath()))
        : Promise.resolve(resolved.tag),
    outputPath: (options: BuildOptions = {}): Promise<StorePath> =>
      identified(options, (identity) => identity.outputPath()),
    conf: (): Promise<Conf> => Promise.reject(noConf('buildImage')),
    layers: (options: BuildOptions = {}): Promise<readonly (readonly StorePath[])[]> =>
      inContext(options, (context) =>
        planned(context, async (plan) => {
          await using layer = await measureImageLayer(plan, context)
          return layer.closure.length === 0 ? [] : [layer.closure]
        }),
      ),
    layer: {
      [REALISE]: outputs.layer[REALISE],
      toString: () => outputs.layer.toString(),
      outputPath: (options: BuildOptions = {}) => identified(options, (identity) => identity.layerPath()),
      writeTo: (sink: ByteSink, options: BuildOptions = {}) =>
        inContext(options, (context) => planned(context, (plan) => writeOwnLayer(plan, context, sink))),
    },
    [USE_PARTS]: (options, use) =>
      inContext(options, (context) =>
        planned(context, async (plan) => {
          await using parts = await openBuiltParts(plan, `${imageName}:${await plan.imageTag()}`, context)
          return await use(parts)
        }),
      ),
    build: (options: RealiseOutputOptions = {}) => realise(recipe, options),
    writeTo: (sink: ByteSink, options: WriteOptions = {}): Promise<ImageSummary> =>
      inContext(options, (context) => writeTo(sink, context, options)),
    writeCompressedTo: (sink: ByteSink, options: WriteOptions = {}): Promise<ImageSummary> =>
      inContext(options, (context) =>
        // Here all threads measure: the layer is one, and is read before a byte of it is compressed.
        writeCompressed(compressor, context, (plain) => writeTo(plain, context, options), sink),
      ),
    chunks: (options: WriteOptions = {}) => ownedChunks((sink) => recipe.writeTo(sink, options)),
  }
  return recipe
}

/** What is said where somebody asks for the conf of another image than a layered one. */
export function noConf(functionName: string): DockerToolsError {
  return new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot make the conf of an image by ${functionName}: only layered images have one`,
  )
}
