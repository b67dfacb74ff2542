import { getCompressor } from '#compress'
import { withReporter } from '#events'
import { type ByteSink, iterateWrites } from '#util'
import type { StorePath } from '#store'
import { type BuildContext, openContext } from './build-context.ts'
import { type PartedRecipe, USE_PARTS } from './image-parts.ts'
import { openLayeredParts } from './layered-parts.ts'
import { type LayeredPlan, planLayeredImage } from './plan-layered-image.ts'
import type { BuildOptions, Conf, ImageSummary, Recipe, WriteOptions } from './recipe.ts'
import type { ResolvedLayeredArgs } from './resolve-layered-args.ts'
import { type StreamInput, streamImage } from './stream-image.ts'

/** What both layered functions return, but for what only one of them has. */
export function layeredRecipe<F extends Recipe['function']>(
  functionName: F,
  given: Readonly<Record<string, unknown>>,
  args: ResolvedLayeredArgs,
): Recipe & PartedRecipe & { readonly function: F } {
  const planned = async <T>(
    options: BuildOptions,
    use: (plan: LayeredPlan, context: BuildContext) => Promise<T>,
  ): Promise<T> =>
    await withReporter(options.onEvent, async () => {
      options.signal?.throwIfAborted()
      const context = await openContext(options)
      await using plan = await planLayeredImage(args, context, withoutReporter(options))
      return await use(plan, context)
    })
  const writeTo = (sink: ByteSink, options: WriteOptions = {}): Promise<ImageSummary> =>
    planned(
      options,
      async (plan, context) => await streamImage(await streamInput(args, plan, options.repoTag), context, sink),
    )
  return {
    function: functionName,
    imageName: args.name.toLowerCase(),
    args: given,
    passthru: args.passthru,
    meta: args.meta,
    imageTag: (options: BuildOptions = {}): Promise<string> =>
      args.tag === null ? planned(options, (plan) => plan.imageTag()) : Promise.resolve(args.tag),
    conf: (options: BuildOptions = {}): Promise<Conf> => planned(options, (plan) => plan.conf()),
    layers: (options: BuildOptions = {}): Promise<readonly (readonly StorePath[])[]> =>
      // oxlint-disable-next-line require-await -- a plan is used asynchronously
      planned(options, async (plan) => plan.storeLayers as readonly (readonly StorePath[])[]),
    [USE_PARTS]: (options, use) =>
      planned(options, async (plan, context) => {
        await using parts = await openLayeredParts(await streamInput(args, plan, undefined), context)
        return await use(parts)
      }),
    writeTo,
    chunks: (options: WriteOptions = {}) => ownedChunks((sink) => writeTo(sink, options)),
  }
}

/** Writes an image through a compressor; the summary is of the uncompressed archive. */
export async function writeCompressed(
  compressor: 'none' | 'gz' | 'zstd',
  write: (sink: ByteSink, options: Pick<WriteOptions, 'threads'>) => Promise<ImageSummary>,
  sink: ByteSink,
): Promise<ImageSummary> {
  if (compressor === 'none') return await write(sink, {})
  let summary: ImageSummary | undefined
  const plain = iterateWrites(async (inner) => {
    // One thread measures many times faster than all others compress; what it saves in memory they need.
    summary = await write(inner, { threads: 1 })
  })
  for await (const chunk of getCompressor(compressor).compress(plain, { borrow: true })) await sink.write(chunk)
  // The compressor ends only after its source has.
  return summary as unknown as ImageSummary
}

async function streamInput(
  args: ResolvedLayeredArgs,
  plan: LayeredPlan,
  repoTag: string | undefined,
): Promise<StreamInput> {
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

/** The reporter is set once, around everything. */
export function withoutReporter(options: BuildOptions): BuildOptions {
  const { onEvent: _, ...others } = options
  return others
}

/** Written chunks are buffers that are used again: whoever may keep them gets copies. */
export async function* ownedChunks(write: (sink: ByteSink) => Promise<ImageSummary>): AsyncGenerator<Uint8Array> {
  const chunks = iterateWrites(async (sink) => {
    await write(sink)
  })
  for await (const chunk of chunks) yield Uint8Array.from(chunk)
}
