import { chmod, writeFile } from 'node:fs/promises'
import type { CompressorName } from '#compress'
import type { Realisable, Realisation } from '#derivation'
import { jsonObject } from '#image'
import { closure, type StorePath } from '#store'
import type { BuildContext } from './build-context.ts'
import { freshCustomisation, writeCustomisation } from './customisation-output.ts'
import { realiseImage } from './file-of-image.ts'
import { once } from './find-script-paths.ts'
import type { LayeredIdentity } from './identify-layered-image.ts'
import { ourOutputPath } from './our-derivation.ts'
import { type OwnOutput, ownRealisable, ownRealisation } from './own-output.ts'
import { type LayeredPlan, planLayeredImage } from './plan-layered-image.ts'
import { realiseInputs } from './realise-inputs.ts'
import { recordOwnProgram, storedStreamScript } from './stored-stream-script.ts'
import { EXTENSIONS } from './archive-extensions.ts'
import { findKnown, writeScanned } from './write-scanned.ts'
import type { ByteSink } from '#util'

/** What a layered image has in the store. */
export interface LayeredOutputs {
  /** `stream-BASE`: a program that streams. It refers to the conf, which refers to everything else. */
  readonly stream: Realisation
  /** `BASE.tar` with the compressor's ending. */
  archive(compressor: CompressorName): Realisable
}

/** The recipe's own part of the work. */
export interface LayeredWork {
  readonly imageName: string
  readonly baseName: string
  /** Name of the archive without its ending. */
  readonly archiveName: string
  identity(context: BuildContext): Promise<LayeredIdentity>
  /** Writes the archive of a plan, compressed. */
  write(plan: LayeredPlan, compressor: CompressorName, context: BuildContext, sink: ByteSink): Promise<unknown>
}

/**
 * The outputs of a layered image, with names as upstream has them.
 *
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `streamLayeredImage`, `buildLayeredImage`
 */
export function layeredOutputs(work: LayeredWork): LayeredOutputs {
  const { baseName } = work
  const customisation = ownRealisable({
    name: `${baseName}-customisation-layer`,
    outPath: async (context) => (await work.identity(context)).customisationPath,
    prepare: async (context) => await realiseInputs((await work.identity(context)).inputs, context),
    make: async (place, context) => {
      await using layer = await freshCustomisation(await work.identity(context), context)
      return await writeCustomisation(layer, place)
    },
  })
  const confOutput: OwnOutput = {
    name: `${baseName}-conf.json`,
    outPath: async (context) => await (await work.identity(context)).confPath(),
    prepare: async (context, isRebuild) => {
      await context.session.realise(customisation, { isRebuild })
      await prepareBase(await work.identity(context), context)
    },
    make: async (place, context) => await writeConf(await work.identity(context), place, context),
  }
  const conf = ownRealisable(confOutput)
  const derived = async (name: string, functionName: string, args: object, context: BuildContext) => {
    const confPath = await context.session.outPath(conf)
    return ourOutputPath({
      name,
      function: functionName,
      args: jsonObject({ ...args, conf: confPath }),
      inputs: [confPath],
      storeDir: context.store.dir,
    })
  }
  return {
    stream: ownRealisation({
      name: `stream-${baseName}`,
      outPath: (context) => derived(`stream-${baseName}`, 'streamLayeredImage', {}, context),
      prepare: (context, isRebuild) => context.session.realise(conf, { isRebuild }),
      make: async (place, context) => {
        const confPath = await context.session.outPath(conf)
        recordOwnProgram(context.session.writable)
        await writeFile(place, storedStreamScript(work.imageName, confPath))
        await chmod(place, 0o755)
        return [confPath]
      },
    }),
    archive: (compressor) => {
      const name = `${work.archiveName}.tar${EXTENSIONS[compressor] ?? ''}`
      return ownRealisable({
        name,
        outPath: (context) => derived(name, 'buildLayeredImage', { compressor }, context),
        prepare: async (context) => {
          const identity = await work.identity(context)
          await realiseInputs(identity.inputs, context)
          await prepareBase(identity, context)
        },
        make: async (place, context, isRebuild) => {
          const identity = await work.identity(context)
          await using plan = await planLayeredImage(identity, context, isRebuild)
          const known = await inputClosure(identity, plan, [], context)
          return await writeScanned(place, known, (sink) => work.write(plan, compressor, context, sink))
        },
      })
    },
  }
}

async function prepareBase({ args }: LayeredIdentity, context: BuildContext): Promise<StorePath | undefined> {
  return args.fromImage === null ? undefined : await realiseImage(args.fromImage, context)
}

async function writeConf(identity: LayeredIdentity, place: string, context: BuildContext): Promise<StorePath[]> {
  const made = await prepareBase(identity, context)
  await using plan = await planLayeredImage(identity, context)
  // A local file is taken into the store: where it is now is nobody's business on another machine.
  const base = made ?? (await plan.base?.storePath())
  const { text } = await plan.conf(base)
  await writeFile(place, text)
  const known = await inputClosure(
    identity,
    plan,
    [plan.customisation.path, ...(base === undefined ? [] : [base])],
    context,
  )
  return await findKnown(once(text), known)
}

/** What an output may refer to: upstream's build would not see anything else. */
async function inputClosure(
  { baseJson, contents }: LayeredIdentity,
  plan: LayeredPlan,
  more: readonly StorePath[],
  { store }: BuildContext,
): Promise<readonly StorePath[]> {
  const roots = new Set([...baseJson.references, ...contents, ...plan.customisation.references, ...more])
  return (await closure(store, [...roots])).map((node) => node.path)
}
