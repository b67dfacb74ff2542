import { readFile } from 'node:fs/promises'
import type { Realisable } from '#derivation'
import { jsonObject, parseJson } from '#image'
import { type LayeringPipeline, parseLayeringPipeline } from '#layering'
import type { StorePath } from '#store'
import { encodeBaseJson } from './base-json.ts'
import type { BuildContext } from './build-context.ts'
import { layeredConfPath } from './conf.ts'
import { fileOfStorePath } from './file-of-store-path.ts'
import { fillJson, fillText } from './fill-placeholders.ts'
import { findReferences } from './find-references.ts'
import { findScriptPaths, once } from './find-script-paths.ts'
import type { PathArgument } from './layered-image-args.ts'
import { ourOutputPath } from './our-derivation.ts'
import type { ResolvedLayeredArgs } from './resolve-layered-args.ts'
import { madeFirst, pathOf, resolvePath } from './resolve-path.ts'
import { toJsonValue } from './to-json-value.ts'
import { toPlain } from './to-plain.ts'

/** What a layered image is, as far as its inputs tell: where its parts belong in the store. Nothing of it is made. */
export interface LayeredIdentity {
  /** With paths in the place of placeholders. */
  readonly args: ResolvedLayeredArgs
  readonly pipeline: LayeringPipeline | null
  readonly contents: readonly StorePath[]
  /** What has to be made before the image can be. */
  readonly inputs: readonly Realisable[]
  /** Store paths that `extraCommands` names. */
  readonly scriptPaths: readonly StorePath[]
  readonly baseJson: { readonly path: StorePath; readonly text: string; readonly references: readonly StorePath[] }
  readonly customisationPath: StorePath
  /** A base image that is a local file is read for it. */
  confPath(): Promise<StorePath>
}

/**
 * Finds out where the parts of a layered image belong in the store.
 *
 * @throws {DockerToolsError} `STORE_PATH_MISSING`, `FILE_UNREADABLE`, and what making inputs throws.
 */
export async function identifyLayeredImage(
  given: ResolvedLayeredArgs,
  context: BuildContext,
): Promise<LayeredIdentity> {
  const storeDir = context.store.dir
  const contents: StorePath[] = []
  for (const item of given.contents) contents.push(await pathOf(item, 'contents', context))
  const made = given.contents.map(madeFirst).filter((value) => value !== undefined)
  const config = await fillJson(given.config, context)
  const script = await fillText(given.extraCommands, context)
  const rootScript = await fillText(given.fakeRootCommands, context)
  const inputs = [...new Set([...made, ...config.used, ...script.used, ...rootScript.used])]
  const args = { ...given, config: config.value, extraCommands: script.value, fakeRootCommands: rootScript.value }

  const text = encodeBaseJson(args)
  const references = await findReferences(once(text), config.paths, context.store, 'config')
  const baseJson = ourOutputPath({
    name: `${args.baseName}-base.json`,
    function: 'baseJson',
    args: jsonObject({ architecture: args.architecture, config: args.config }),
    inputs: references,
    storeDir,
  })
  const scripts = [args.extraCommands, args.fakeRootCommands].filter((part) => part !== '').join('\n')
  const scriptPaths = await findScriptPaths(scripts, [...script.paths, ...rootScript.paths], contents, made, context)
  const customisationPath = ourOutputPath({
    name: `${args.baseName}-customisation-layer`,
    function: 'customisationLayer',
    args: jsonObject({
      contents,
      enableFakechroot: args.enableFakechroot,
      extraCommands: args.extraCommands,
      fakeRootCommands: args.fakeRootCommands,
      includeNixDB: args.includeNixDB,
    }),
    inputs: [...new Set([...contents, ...scriptPaths])],
    storeDir,
  })
  const pipeline = await readPipeline(args.pipeline, context)
  return {
    args,
    pipeline,
    contents,
    inputs,
    scriptPaths,
    baseJson: { path: baseJson, text, references },
    customisationPath,
    confPath: async () =>
      layeredConfPath({
        args,
        pipeline,
        contents,
        baseJson,
        customisation: customisationPath,
        fromImage: args.fromImage === null ? null : await pathOf(args.fromImage, 'fromImage', context),
        storeDir,
      }),
  }
}

async function readPipeline(
  value: ResolvedLayeredArgs['pipeline'],
  context: BuildContext,
): Promise<LayeringPipeline | null> {
  if (value === null) return null
  if (Array.isArray(value)) {
    const filled = await fillJson(toJsonValue(value, 'layeringPipeline'), context)
    return filled.used.length === 0 ? (value as LayeringPipeline) : parseLayeringPipeline(toPlain(filled.value))
  }
  const path = await resolvePath(value as PathArgument, 'layeringPipeline', context)
  await using file = await fileOfStorePath(path, 'layeringPipeline', context.store)
  return parseLayeringPipeline(toPlain(parseJson(await readFile(file.path, 'utf8'), `layering pipeline "${path}"`)))
}
