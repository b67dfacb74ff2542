import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Realisable } from '#derivation'
import { type Digest, encodeJshonJson, layerJson } from '#image'
import { closure, type StorePath } from '#store'
import type { ByteSink } from '#util'
import type { BuildContext } from './build-context.ts'
import { realiseImage } from './file-of-image.ts'
import { once } from './find-script-paths.ts'
import { identifyBuildImage } from './identify-build-image.ts'
import { checksummed, LayerMeasure } from './image-layer.ts'
import { writeCompressed } from './layered-recipe.ts'
import { measured } from './measure-image-layer.ts'
import { makeOwnLayer } from './own-layer.ts'
import { ownRealisable } from './own-output.ts'
import { type BuildImagePlan, planBuildImage } from './plan-build-image.ts'
import { realiseInputs } from './realise-inputs.ts'
import type { ImageSummary } from './recipe.ts'
import type { ResolvedBuildImageArgs } from './resolve-build-image-args.ts'
import { LEGACY_VERSION } from './write-built-image.ts'
import { findKnown, writeScanned } from './write-scanned.ts'

/** What `buildImage` has in the store. */
export interface BuildImageOutputs {
  readonly image: Realisable
  /** The image's own layer before store paths are added to it. */
  readonly layer: Realisable
}

/**
 * The outputs of `buildImage`, with names as upstream has them.
 *
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `buildImage`, `mkPureLayer`
 */
export function buildImageOutputs(work: {
  readonly args: ResolvedBuildImageArgs
  write(plan: BuildImagePlan, repoTag: undefined, context: BuildContext, sink: ByteSink): Promise<ImageSummary>
}): BuildImageOutputs {
  const { args } = work
  return {
    image: ownRealisable({
      name: `docker-image-${args.baseName}`,
      outPath: async (context) => await (await identifyBuildImage(args, context)).outputPath(),
      prepare: async (context) => {
        await prepareContents(args, context)
        if (args.fromImage !== null) await realiseImage(args.fromImage, context)
      },
      make: async (place, context) => {
        const base = args.fromImage === null ? undefined : await realiseImage(args.fromImage, context)
        await using plan = await planBuildImage(args, context)
        const inputs = [...plan.known, ...(base === undefined ? [] : await reached(base, context))]
        return await writeScanned(place, inputs, (sink) =>
          writeCompressed(args.compressor, context, (plain) => work.write(plan, undefined, context, plain), sink),
        )
      },
    }),
    layer: ownRealisable({
      name: `docker-layer-${args.baseName}`,
      outPath: async (context) => await (await identifyBuildImage(args, context)).layerPath(),
      prepare: async (context) => {
        await prepareContents(args, context)
        if (args.runAsRoot !== null && args.fromImage !== null) await realiseImage(args.fromImage, context)
      },
      make: async (place, context) => {
        // A layer has no parent; only a root's script sees what it stands on.
        const fromImage = args.runAsRoot === null ? null : args.fromImage
        await using plan = await planBuildImage({ ...args, fromImage }, context)
        return await writeLayerFolder(plan, place, context)
      },
    }),
  }
}

async function prepareContents(args: ResolvedBuildImageArgs, context: BuildContext): Promise<void> {
  await realiseInputs((await identifyBuildImage(args, context)).inputs, context)
}

/** Writes `layer.tar` of an image's own layer. */
export async function writeOwnLayer(
  plan: BuildImagePlan,
  context: BuildContext,
  sink: ByteSink,
): Promise<{ readonly digest: Digest; readonly checksum: string }> {
  await using own = await makeOwnLayer(plan, context)
  await using measure = new LayerMeasure(plan.sizeHint, context)
  let checksum = ''
  const source = checksummed(own.members, (sum) => (checksum = sum))
  for await (const chunk of measured(source, measure, context)) await sink.write(chunk)
  const { digest, end } = await measure.finish()
  await sink.write(end)
  return { digest, checksum }
}

async function writeLayerFolder(plan: BuildImagePlan, place: string, context: BuildContext): Promise<StorePath[]> {
  await mkdir(place)
  let checksum = ''
  const references = await writeScanned(join(place, 'layer.tar'), plan.known, async (sink) => {
    checksum = (await writeOwnLayer(plan, context, sink)).checksum
  })
  const json = encodeJshonJson(layerJson(plan.imageBase, checksum, undefined))
  await writeFile(join(place, 'json'), json)
  await writeFile(join(place, 'VERSION'), LEGACY_VERSION)
  const named = await findKnown(once(json), plan.known)
  return [...new Set([...references, ...named])]
}

async function reached(path: StorePath, { store }: BuildContext): Promise<readonly StorePath[]> {
  return (await closure(store, [path])).map((node) => node.path)
}
