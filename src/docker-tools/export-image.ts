import * as v from 'valibot'
import { openImageArchive, writeFileSystem } from '#archive'
import { placeholderOf, REALISE } from '#derivation'
import { goArchitecture, jsonObject, parsePlatform } from '#image'
import { closure, type StorePath } from '#store'
import { type ByteSink, iterateWrites } from '#util'
import { imageName, imageTag, text } from './argument-schemas.ts'
import type { BuildContext } from './build-context.ts'
import { checkArguments } from './check-arguments.ts'
import type { ExportOptions, ExportRecipe } from './export-recipe.ts'
import { fileOfImage, realiseImage } from './file-of-image.ts'
import { inContext } from './in-context.ts'
import { parseImageLimits } from './image-limit-options.ts'
import type { PathArgument } from './layered-image-args.ts'
import { ourOutputPath } from './our-derivation.ts'
import { ownRealisation } from './own-output.ts'
import { isPathArgument, isRecipe } from './path-argument.ts'
import { realise } from './realise.ts'
import { madeFirst, pathOf } from './resolve-path.ts'
import { writeScanned } from './write-scanned.ts'

/** The arguments of `exportImage`, with upstream's names and defaults. */
export interface ExportImageArgs {
  /** The image: an archive, the folder of an OCI layout, a store path, or what an image function returned. */
  readonly fromImage: PathArgument
  /** Name of the output. Default: the name of `fromImage`. */
  readonly name?: string
  /** Name of the image inside the archive. Default: the first one. */
  readonly fromImageName?: string | null
  /** Tag of the image inside the archive. Default: the first one. */
  readonly fromImageTag?: string | null
  /** MiB of upstream's virtual disk. Checked, and without effect: there is no disk here. */
  readonly diskSize?: number
}

const ARGUMENT = 'fromImage'

const schema = v.strictObject({
  fromImage: v.custom<PathArgument>(
    isPathArgument,
    ({ received }) =>
      `it is ${received}, it should be a store path, a path that starts with "/", "./" or "../", or a definition`,
  ),
  name: v.optional(v.pipe(text, v.nonEmpty('it is empty, it should be a name'))),
  fromImageName: v.nullish(imageName, null),
  fromImageTag: v.nullish(imageTag, null),
  diskSize: v.optional(
    v.pipe(
      v.number('it should be a number of MiB'),
      v.integer('it should be a whole number'),
      v.minValue(1, 'it should be above 0'),
    ),
    1024,
  ),
})

/**
 * Describes the file system of an image as one tar: all layers merged, whiteouts
 * applied, as `docker export` would give it and `docker import` takes it.
 *
 * Nothing is unpacked. Every layer is read once, to check its digest and to list it; then the
 * contents that nothing hides are copied from where they are. Compressed layers are decompressed
 * into files without a name.
 *
 * @param args `fromImage` is needed.
 * @returns A recipe; `writeTo(sink)` and `chunks()` give the tar.
 * @throws {DockerToolsError} `DEFINITION_INVALID` for an unknown argument or a wrong value.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `exportImage`
 * @remarks Differs from nixpkgs: `docs/parity.md`. No virtual machine is needed.
 *
 * @example The files of an image
 * ```ts
 * import { exportImage, streamLayeredImage } from 'dockertools'
 *
 * const image = streamLayeredImage({ name: 'hello', tag: '1', contents: './examples/hello/root' })
 * const bytes = await exportImage({ fromImage: image }).writeTo({ write: () => undefined })
 * console.log(bytes)
 * ```
 */
export function exportImage(args: ExportImageArgs): ExportRecipe {
  const checked = checkArguments('exportImage', schema, args)
  const name = checked.name ?? nameOf(checked.fromImage)
  const writeTo = (sink: ByteSink, options: ExportOptions = {}): Promise<number> =>
    inContext(options, (context) => write(checked, context, options, sink))
  const output = ownRealisation({
    name,
    outPath: (context) => outputPath(name, checked, context),
    prepare: (context) => realiseImage(checked.fromImage, context),
    make: async (place, context) => {
      const base =
        (await realiseImage(checked.fromImage, context)) ?? (await pathOf(checked.fromImage, ARGUMENT, context))
      const known = (await closure(context.store, [base])).map((node) => node.path)
      return await writeScanned(place, known, (sink) => write(checked, context, {}, sink))
    },
  })
  const recipe: ExportRecipe = {
    function: 'exportImage',
    name,
    args: { ...args },
    [REALISE]: output,
    toString: () => placeholderOf(recipe),
    writeTo,
    build: (options = {}) => realise(recipe, options),
    async *chunks(options: ExportOptions = {}) {
      const chunks = iterateWrites(async (sink) => void (await writeTo(sink, options)))
      for await (const chunk of chunks) yield Uint8Array.from(chunk)
    },
  }
  return recipe
}

type CheckedArgs = v.InferOutput<typeof schema>

async function write(
  args: CheckedArgs,
  context: BuildContext,
  { limits, platform }: Pick<ExportOptions, 'limits' | 'platform'>,
  sink: ByteSink,
): Promise<number> {
  await using file = await fileOfImage(args.fromImage, { argument: ARGUMENT, noun: 'image' }, context)
  await using archive = await openImageArchive(file.path, file.what, parseImageLimits(limits ?? {}))
  const image = await archive.select({
    imageName: args.fromImageName ?? undefined,
    imageTag: args.fromImageTag ?? undefined,
    platform: platform === undefined ? undefined : parsePlatform(platform),
  })
  return await writeFileSystem(image, file.what, archive.limits, sink, context.signal)
}

/** Of several platforms this machine's is taken, so it counts. */
async function outputPath(name: string, args: CheckedArgs, context: BuildContext): Promise<StorePath> {
  const fromImage = await pathOf(args.fromImage, ARGUMENT, context)
  return ourOutputPath({
    name,
    function: 'exportImage',
    args: jsonObject({
      architecture: goArchitecture(),
      fromImage,
      fromImageName: args.fromImageName,
      fromImageTag: args.fromImageTag,
    }),
    inputs: [fromImage],
    storeDir: context.store.dir,
  })
}

/** Upstream's `fromImage.name`: the last part of a path, without the hash part of a store path. */
function nameOf(fromImage: PathArgument): string {
  const made = madeFirst(fromImage)
  if (isRecipe(made)) return made.imageName.slice(made.imageName.lastIndexOf('/') + 1)
  if (typeof fromImage !== 'string' || made !== undefined) return made?.[REALISE].name ?? 'image'
  const last = fromImage.replace(/\/+$/, '').split('/').at(-1) ?? ''
  return last.replace(/^[0-9a-df-np-sv-z]{32}-/, '') || 'image'
}
