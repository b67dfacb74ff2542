import { getCompressor } from '#compress'
import { placeholderOf, REALISE } from '#derivation'
import { type ByteSink, iterateWrites } from '#util'
import type { StorePath } from '#store'
import type { BuildContext } from './build-context.ts'
import { identifyLayeredImage, type LayeredIdentity } from './identify-layered-image.ts'
import { inContext } from './in-context.ts'
import { type PartedRecipe, USE_PARTS } from './image-parts.ts'
import type { ImageRealisation } from './image-realisation.ts'
import { layeredOutputs } from './layered-outputs.ts'
import { openLayeredParts } from './layered-parts.ts'
import { type LayeredPlan, planLayeredImage } from './plan-layered-image.ts'
import { realise } from './realise.ts'
import type { BuildOptions, Conf, ImageSummary, RealiseOutputOptions, Recipe, WriteOptions } from './recipe.ts'
import type { ResolvedLayeredArgs } from './resolve-layered-args.ts'
import { type StreamInput, streamImage } from './stream-image.ts'

/**
 * What both layered functions return, but for what only one of them has.
 *
 * @param compressor Of the archive that is the result; without it that is a program that streams.
 */
export function layeredRecipe<F extends Recipe['function']>(
  functionName: F,
  given: Readonly<Record<string, unknown>>,
  args: ResolvedLayeredArgs,
  compressor?: 'none' | 'gz' | 'zstd',
): Recipe & PartedRecipe & { readonly function: F } {
  const imageName = args.name.toLowerCase()
  const identities = new WeakMap<BuildContext, Promise<LayeredIdentity>>()
  const identity = async (context: BuildContext): Promise<LayeredIdentity> => {
    const known = identities.get(context) ?? identifyLayeredImage(args, context)
    identities.set(context, known)
    return await known
  }
  const planned = async <T>(
    options: BuildOptions,
    use: (plan: LayeredPlan, context: BuildContext) => Promise<T>,
  ): Promise<T> =>
    await inContext(options, async (context) => {
      await using plan = await planLayeredImage(await identity(context), context)
      return await use(plan, context)
    })
  const outputs = layeredOutputs({ imageName, baseName: args.baseName, identity, write: writePacked })
  const archive = outputs.archive(compressor ?? 'none')
  const realisation: ImageRealisation = {
    ...(compressor === undefined ? outputs.stream : archive[REALISE]),
    archive,
    writeTo: async (sink, context, { repoTag }) => {
      await using plan = await planLayeredImage(await identity(context), context)
      return await writePlan(plan, context, repoTag, sink)
    },
  }
  const writeTo = (sink: ByteSink, options: WriteOptions = {}): Promise<ImageSummary> =>
    planned(options, async (plan, context) => await writePlan(plan, context, options.repoTag, sink))
  const recipe: Recipe & PartedRecipe & { readonly function: F } = {
    function: functionName,
    imageName,
    args: given,
    passthru: args.passthru,
    meta: args.meta,
    [REALISE]: realisation,
    toString: () => placeholderOf(recipe),
    imageTag: (options: BuildOptions = {}): Promise<string> =>
      args.tag === null ? planned(options, (plan) => plan.imageTag()) : Promise.resolve(args.tag),
    conf: (options: BuildOptions = {}): Promise<Conf> => planned(options, (plan) => plan.conf()),
    layers: (options: BuildOptions = {}): Promise<readonly (readonly StorePath[])[]> =>
      // oxlint-disable-next-line require-await -- a plan is used asynchronously
      planned(options, async (plan) => plan.storeLayers as readonly (readonly StorePath[])[]),
    [USE_PARTS]: (options, use) =>
      planned(options, async (plan, context) => {
        await using parts = await openLayeredParts(await streamInput(plan, undefined), context)
        return await use(parts)
      }),
    build: (options: RealiseOutputOptions = {}) => realise(recipe, options),
    writeTo,
    chunks: (options: WriteOptions = {}) => ownedChunks((sink) => writeTo(sink, options)),
  }
  return recipe
}

/** Writes an image through a compressor; the summary is of the uncompressed archive. */
export async function writeCompressed(
  compressor: 'none' | 'gz' | 'zstd',
  context: BuildContext,
  write: (sink: ByteSink, context: BuildContext) => Promise<ImageSummary>,
  sink: ByteSink,
): Promise<ImageSummary> {
  if (compressor === 'none') return await write(sink, context)
  let summary: ImageSummary | undefined
  const plain = iterateWrites(async (inner) => {
    // One thread measures many times faster than all others compress; what it saves in memory they need.
    summary = await write(inner, { ...context, threads: context.threadsBesideCompressor })
  })
  for await (const chunk of getCompressor(compressor).compress(plain, { borrow: true })) await sink.write(chunk)
  // The compressor ends only after its source has.
  return summary as unknown as ImageSummary
}

async function writePacked(
  plan: LayeredPlan,
  compressor: 'none' | 'gz' | 'zstd',
  context: BuildContext,
  sink: ByteSink,
): Promise<ImageSummary> {
  return await writeCompressed(compressor, context, (plain, frugal) => writePlan(plan, frugal, undefined, plain), sink)
}

async function writePlan(
  plan: LayeredPlan,
  context: BuildContext,
  repoTag: string | undefined,
  sink: ByteSink,
): Promise<ImageSummary> {
  return await streamImage(await streamInput(plan, repoTag), context, sink)
}

async function streamInput(plan: LayeredPlan, repoTag: string | undefined): Promise<StreamInput> {
  const { args } = plan
  const sizes = new Map<string, number>(plan.graph.map((node) => [node.path, node.narSize]))
  return {
    architecture: args.architecture,
    config: args.config,
    base: plan.base?.image,
    storeLayers: plan.storeLayers,
    preferDisk: false,
    narSize: (path) => sizes.get(path),
    customisation: { path: plan.customisation.path, content: plan.customisation.content },
    repoTag: repoTag ?? `${args.name.toLowerCase()}:${await plan.imageTag()}`,
    created: args.created,
    mtime: args.mtime,
    owner: args.owner,
  }
}

/** Written chunks are buffers that are used again: whoever may keep them gets copies. */
export async function* ownedChunks(write: (sink: ByteSink) => Promise<ImageSummary>): AsyncGenerator<Uint8Array> {
  const chunks = iterateWrites(async (sink) => {
    await write(sink)
  })
  for await (const chunk of chunks) yield Uint8Array.from(chunk)
}
