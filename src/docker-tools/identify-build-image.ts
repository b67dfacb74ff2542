import type { Realisable } from '#derivation'
import { encodeNixJson, imageBaseJson, jsonObject } from '#image'
import type { StorePath } from '#store'
import { EXTENSIONS } from './archive-extensions.ts'
import type { BuildContext } from './build-context.ts'
import { fillJson, fillText } from './fill-placeholders.ts'
import { findReferences } from './find-references.ts'
import { findScriptPaths, once } from './find-script-paths.ts'
import { ourOutputPath } from './our-derivation.ts'
import type { ResolvedBuildImageArgs } from './resolve-build-image-args.ts'
import { madeFirst, pathOf } from './resolve-path.ts'

/** What an image of `buildImage` is, as far as its inputs tell: where its parts belong in the store. Nothing of it is made. */
export interface BuildImageIdentity {
  /** With paths in the place of placeholders. */
  readonly args: ResolvedBuildImageArgs
  readonly contents: readonly StorePath[]
  /** What has to be made before the image can be. */
  readonly inputs: readonly Realisable[]
  /** Store paths that `extraCommands` names. */
  readonly scriptPaths: readonly StorePath[]
  /** Store paths that the configuration names. */
  readonly configReferences: readonly StorePath[]
  /** Of the layer before store paths are added. Where a script runs on a base that is a local file, that is read for it. */
  layerPath(): Promise<StorePath>
  /** A base image that is a local file is read for it. */
  outputPath(): Promise<StorePath>
}

/**
 * Finds out where the parts of an image belong in the store.
 *
 * @throws {DockerToolsError} `STORE_PATH_MISSING`, `FILE_UNREADABLE`, and what making inputs throws.
 */
export async function identifyBuildImage(
  given: ResolvedBuildImageArgs,
  context: BuildContext,
): Promise<BuildImageIdentity> {
  const storeDir = context.store.dir
  const contents: StorePath[] = []
  for (const item of given.contents) contents.push(await pathOf(item, 'copyToRoot', context))
  const made = given.contents.map(madeFirst).filter((value) => value !== undefined)
  const config = await fillJson(given.config, context)
  const script = await fillText(given.extraCommands, context)
  const asRoot = await fillText(given.runAsRoot ?? '', context)
  const runAsRoot = given.runAsRoot === null ? null : asRoot.value
  const args = { ...given, config: config.value, extraCommands: script.value, runAsRoot }
  const declared = imageBaseJson({ architecture: args.architecture, config: args.config, created: args.created })
  const configReferences = await findReferences(once(encodeNixJson(declared)), config.paths, context.store, 'config')
  const scriptPaths = await findScriptPaths(
    [args.extraCommands, args.runAsRoot ?? ''],
    [...script.paths, ...asRoot.paths],
    contents,
    made,
    context,
  )
  const layerInputs = [...new Set([...contents, ...scriptPaths, ...configReferences])]
  const basePath = async (): Promise<StorePath | null> =>
    args.fromImage === null ? null : await pathOf(args.fromImage, 'fromImage', context)
  const layerPath = async (): Promise<StorePath> => {
    // The layer of a script follows from what it runs on, too.
    const scriptBase = args.runAsRoot === null ? null : await basePath()
    return ourOutputPath({
      name: `docker-layer-${args.baseName}`,
      function: 'imageLayer',
      args: jsonObject({
        baseJson: declared,
        contents,
        extraCommands: args.extraCommands,
        gid: args.gid,
        // Images without it keep the path they had before there was any.
        ...(args.includeNixDB ? { includeNixDB: true } : {}),
        keepContentsDirlinks: args.keepContentsDirlinks,
        uid: args.uid,
        ...(args.runAsRoot === null
          ? {}
          : {
              runAsRoot: args.runAsRoot,
              fromImage: scriptBase,
              diskSize: args.diskMiB,
              buildVMMemorySize: args.memoryMiB ?? null,
            }),
      }),
      inputs: scriptBase === null ? layerInputs : [...layerInputs, scriptBase],
      storeDir,
    })
  }
  return {
    args,
    contents,
    inputs: [...new Set([...made, ...config.used, ...script.used, ...asRoot.used])],
    scriptPaths,
    configReferences,
    layerPath,
    outputPath: async () => {
      const fromImage = await basePath()
      const layer = await layerPath()
      return ourOutputPath({
        name: `docker-image-${args.baseName}.tar${EXTENSIONS[args.compressor] ?? ''}`,
        function: 'buildImage',
        args: jsonObject({
          compressor: args.compressor,
          fromImage,
          fromImageName: args.fromImageName,
          fromImageTag: args.fromImageTag,
          layer,
          name: args.name,
          tag: args.tag,
        }),
        inputs: fromImage === null ? [layer] : [layer, fromImage],
        storeDir,
      })
    },
  }
}
