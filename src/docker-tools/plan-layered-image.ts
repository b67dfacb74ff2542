import { readFile } from 'node:fs/promises'
import { jsonObject, parseJson } from '#image'
import { checkMaxLayers, type LayeringPipeline, parseLayeringPipeline } from '#layering'
import {
  closure,
  compareStorePaths,
  directoryTree,
  fileTree,
  type MeasuredNode,
  narSizeOf,
  type ReferenceGraph,
  type StorePath,
  storePathHash,
} from '#store'
import { encodeBaseJson } from './base-json.ts'
import type { BuildContext } from './build-context.ts'
import { encodeConf, layeredConfPath } from './conf.ts'
import { type CustomisationLayer, makeCustomisationLayer } from './customisation-layer.ts'
import { fileOfStorePath } from './file-of-store-path.ts'
import { findReferences } from './find-references.ts'
import { groupIntoLayers } from './group-into-layers.ts'
import { type BaseImage, openBaseImage } from './open-base-image.ts'
import { ourOutputPath } from './our-derivation.ts'
import type { BuildOptions, Conf } from './recipe.ts'
import type { ResolvedLayeredArgs } from './resolve-layered-args.ts'
import { resolvePath } from './resolve-path.ts'
import { toPlain } from './to-plain.ts'

/** A layered image with everything decided and nothing written yet. */
export interface LayeredPlan extends AsyncDisposable {
  readonly base: BaseImage | undefined
  readonly customisation: CustomisationLayer & { readonly path: StorePath }
  /** The closure of the image, with its own derivations. */
  readonly graph: ReferenceGraph
  /** Groups of store paths, lowest layer first. */
  readonly storeLayers: readonly (readonly string[])[]
  imageTag(): Promise<string>
  conf(): Promise<Conf>
}

/**
 * Decides what goes into a layered image: opens the base image, makes the
 * customisation layer, finds the closure and groups it.
 */
export async function planLayeredImage(
  args: ResolvedLayeredArgs,
  context: BuildContext,
  options: BuildOptions,
): Promise<LayeredPlan> {
  await using stack = new AsyncDisposableStack()
  const base =
    args.fromImage === null
      ? undefined
      : stack.use(await openBaseImage(args.fromImage, context, options, args.architecture))
  const baseLayers = base?.image.layers.length ?? 0
  const pipeline = await readPipeline(args.pipeline, context)
  if (pipeline === null) checkMaxLayers(args.maxLayers, baseLayers)

  const contents: StorePath[] = []
  for (const item of args.contents) contents.push(await resolvePath(item, 'contents', context))
  const contentsClosure = await closure(context.store, contents)
  const baseJson = await planBaseJson(args, context)
  const customisation = await planCustomisation(args, contents, contentsClosure, context)
  stack.use(customisation)

  const own = [baseJson.node, customisation.node]
  const referenced = await closure(context.store, unique([...baseJson.references, ...customisation.references]))
  const graph = args.includeStorePaths
    ? [...referenced, ...own].toSorted((a, b) => compareStorePaths(a.path, b.path))
    : []
  const storeLayers = !args.includeStorePaths
    ? []
    : groupIntoLayers(graph, {
        layering: args.layering,
        pipeline,
        maxLayers: args.maxLayers,
        baseLayers,
        excludePaths: own.map((node) => node.path),
        debug: args.debug,
      })

  const confPath = async (): Promise<StorePath> =>
    layeredConfPath({
      args,
      pipeline,
      contents,
      baseJson: baseJson.node.path,
      customisation: customisation.path,
      fromImage: (await base?.storePath()) ?? null,
      storeDir: context.store.dir,
    })
  const imageTag = async (): Promise<string> => args.tag ?? storePathHash(await confPath())
  const owner = stack.move()
  return {
    base,
    customisation,
    graph,
    storeLayers,
    imageTag,
    conf: async () => ({
      path: await confPath(),
      text: encodeConf({
        args,
        storeLayers,
        storeDir: context.store.dir,
        fromImage: base?.label ?? null,
        customisation: customisation.path,
        tag: await imageTag(),
      }),
    }),
    [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()),
  }
}

async function planBaseJson(args: ResolvedLayeredArgs, context: BuildContext) {
  const bytes = Buffer.from(encodeBaseJson(args))
  const references = await findReferences(once(bytes), [], context.store, 'config')
  const path = ourOutputPath({
    name: `${args.baseName}-base.json`,
    function: 'baseJson',
    args: jsonObject({ architecture: args.architecture, config: args.config }),
    inputs: references,
    storeDir: context.store.dir,
  })
  return { references, node: { path, references, narSize: narSizeOf(fileTree(bytes)) } }
}

async function planCustomisation(
  args: ResolvedLayeredArgs,
  contents: readonly StorePath[],
  contentsClosure: readonly MeasuredNode[],
  context: BuildContext,
) {
  const known = contentsClosure.map((node) => node.path)
  const scriptPaths = await findReferences(once(Buffer.from(args.extraCommands)), known, context.store, 'extraCommands')
  const scriptClosure = (await closure(context.store, scriptPaths)).map((node) => node.path)
  const layer = await makeCustomisationLayer(
    {
      contents,
      extraCommands: args.extraCommands,
      nixDatabase: args.includeNixDB
        ? { closure: contentsClosure, contents, upstreamRoot: '/build/old_out' }
        : undefined,
      known: unique([...known, ...scriptClosure]),
      namesStorePaths: scriptPaths.length > 0,
    },
    context,
  )
  const path = ourOutputPath({
    name: `${args.baseName}-customisation-layer`,
    function: 'customisationLayer',
    args: jsonObject({
      contents,
      enableFakechroot: false,
      extraCommands: args.extraCommands,
      fakeRootCommands: '',
      includeNixDB: args.includeNixDB,
    }),
    inputs: unique([...contents, ...scriptPaths]),
    storeDir: context.store.dir,
  })
  const tree = directoryTree({ checksum: new Uint8Array(65), 'layer.tar': new Uint8Array(0) })
  // The NAR of a directory with `checksum` and `layer.tar`: bodies are padded to 8 bytes, as the tar's records are anyway.
  const node = { path, references: layer.references, narSize: narSizeOf(tree) + layer.content.size }
  return { ...layer, path, node }
}

async function readPipeline(
  value: ResolvedLayeredArgs['pipeline'],
  context: BuildContext,
): Promise<LayeringPipeline | null> {
  if (value === null || Array.isArray(value)) return value as LayeringPipeline | null
  const path = await resolvePath(value as string, 'layeringPipeline', context)
  await using file = await fileOfStorePath(path, 'layeringPipeline', context.store)
  return parseLayeringPipeline(toPlain(parseJson(await readFile(file.path, 'utf8'), `layering pipeline "${path}"`)))
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)]
}

// oxlint-disable-next-line require-await -- scanners take streams
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
