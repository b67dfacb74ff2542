import { DockerToolsError } from '#errors'
import { withReporter } from '#events'
import type { StorePath } from '#store'
import type { ByteSink } from '#util'
import type { BuildImageArgs } from './build-image-args.ts'
import { type BuildContext, openContext } from './build-context.ts'
import { openBuiltParts } from './built-parts.ts'
import { type PartedRecipe, USE_PARTS } from './image-parts.ts'
import { checksummed, LayerMeasure, makeImageLayer } from './image-layer.ts'
import { ownedChunks, withoutReporter, writeCompressed } from './layered-recipe.ts'
import { measured, measureImageLayer } from './measure-image-layer.ts'
import { type BuildImagePlan, planBuildImage } from './plan-build-image.ts'
import type { BuildOptions, Conf, ImageRecipe, ImageSummary, WriteOptions } from './recipe.ts'
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
 * @throws {DockerToolsError} `DEFINITION_INVALID` for an unknown argument or a wrong value, `NOT_IMPLEMENTED` for
 *   what is not built yet.
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
  const imageName = resolved.name.toLowerCase()
  const planned = async <T>(
    options: BuildOptions,
    use: (plan: BuildImagePlan, context: BuildContext) => Promise<T>,
  ): Promise<T> =>
    await withReporter(options.onEvent, async () => {
      options.signal?.throwIfAborted()
      const context = await openContext(options)
      await using plan = await planBuildImage(resolved, context, withoutReporter(options))
      return await use(plan, context)
    })
  const writeTo = (sink: ByteSink, options: WriteOptions = {}): Promise<ImageSummary> =>
    planned(options, async (plan, context) => {
      const repoTag = options.repoTag ?? `${imageName}:${await plan.imageTag()}`
      return await writeBuiltImage(plan, { imageName, baseName: resolved.baseName, repoTag }, context, sink)
    })
  const given = { ...args }
  return {
    function: 'buildImage',
    imageName,
    args: given,
    buildArgs: given,
    passthru: {},
    meta: resolved.meta,
    compressor: resolved.compressor,
    imageTag: (options: BuildOptions = {}): Promise<string> =>
      resolved.tag === null ? planned(options, (plan) => plan.imageTag()) : Promise.resolve(resolved.tag),
    outputPath: (options: BuildOptions = {}): Promise<StorePath> => planned(options, (plan) => plan.outputPath()),
    conf: (): Promise<Conf> => Promise.reject(noConf('buildImage')),
    layers: (options: BuildOptions = {}): Promise<readonly (readonly StorePath[])[]> =>
      planned(options, async (plan, context) => {
        await using layer = await measureImageLayer(plan, context)
        return layer.closure.length === 0 ? [] : [layer.closure]
      }),
    layer: {
      // oxlint-disable-next-line require-await -- a plan is used asynchronously
      outputPath: (options: BuildOptions = {}) => planned(options, async (plan) => plan.layerPath),
      writeTo: (sink: ByteSink, options: BuildOptions = {}) =>
        planned(options, (plan, context) => writeOwnLayer(plan, context, sink)),
    },
    [USE_PARTS]: (options, use) =>
      planned(options, async (plan, context) => {
        await using parts = await openBuiltParts(plan, `${imageName}:${await plan.imageTag()}`, context)
        return await use(parts)
      }),
    writeTo,
    writeCompressedTo: (sink: ByteSink, options: WriteOptions = {}): Promise<ImageSummary> =>
      writeCompressed(resolved.compressor, (plain) => writeTo(plain, options), sink),
    chunks: (options: WriteOptions = {}) => ownedChunks((sink) => writeTo(sink, options)),
  }
}

/** What is said where somebody asks for the conf of another image than a layered one. */
export function noConf(functionName: string): DockerToolsError {
  return new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot make the conf of an image by ${functionName}: only layered images have one`,
  )
}

async function writeOwnLayer(plan: BuildImagePlan, context: BuildContext, sink: ByteSink) {
  await using own = await makeImageLayer(plan.layerInput, plan.trees, context)
  await using measure = new LayerMeasure(plan.sizeHint, context)
  let checksum = ''
  const source = checksummed(own.members, (sum) => (checksum = sum))
  for await (const chunk of measured(source, measure, context)) await sink.write(chunk)
  const { digest, end } = await measure.finish()
  await sink.write(end)
  return { digest, checksum }
}
