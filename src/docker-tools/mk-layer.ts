import { DockerToolsError } from '#errors'
import type { BuildImageArgs } from './build-image-args.ts'
import { buildImage } from './build-image.ts'
import type { ImageLayerOutput } from './recipe.ts'

/**
 * The own layer of an image of `buildImage`, made without a script that runs as
 * root: a folder with `layer.tar`, `json` and `VERSION`.
 *
 * @param args As for `buildImage`.
 * @returns The layer: `writeTo(sink)` gives `layer.tar`, and `realise` the folder.
 * @throws {DockerToolsError} As `buildImage`; `DEFINITION_INVALID` with `runAsRoot`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `mkPureLayer`
 * @remarks Differs from nixpkgs: `config`, `created` and `architecture` in place of `baseJson`.
 *
 * @example Measure a layer
 * ```ts
 * import { mkPureLayer } from 'dockertools'
 *
 * const layer = mkPureLayer({ name: 'layer', copyToRoot: './examples/hello/root' })
 * const { digest, checksum } = await layer.writeTo({ write: () => undefined })
 * console.log(digest, checksum)
 * ```
 */
export function mkPureLayer(args: BuildImageArgs): ImageLayerOutput {
  if ((args.runAsRoot ?? null) !== null) throw invalid('mkPureLayer', 'it runs nothing as root, mkRootLayer does')
  return buildImage(args).layer
}

/**
 * The own layer of an image of `buildImage` with `runAsRoot`.
 *
 * @param args As for `buildImage`, `runAsRoot` among them.
 * @returns As `mkPureLayer`.
 * @throws {DockerToolsError} As `buildImage`; `DEFINITION_INVALID` without `runAsRoot`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `mkRootLayer`
 * @remarks Differs from nixpkgs: `config`, `created` and `architecture` in place of `baseJson`.
 *
 * @example Name a layer that a script makes
 * ```ts
 * import { mkRootLayer } from 'dockertools'
 *
 * const layer = mkRootLayer({ name: 'layer', copyToRoot: './examples/hello/root', runAsRoot: 'mkdir -m 1777 /data' })
 * console.log(await layer.outputPath())
 * ```
 */
export function mkRootLayer(args: BuildImageArgs & { readonly runAsRoot: string }): ImageLayerOutput {
  if (((args.runAsRoot as string | null | undefined) ?? null) === null) {
    throw invalid('mkRootLayer', 'argument "runAsRoot": it is missing, it should be a script')
  }
  return buildImage(args).layer
}

function invalid(functionName: string, fault: string): DockerToolsError {
  return new DockerToolsError('DEFINITION_INVALID', `Cannot call ${functionName}: ${fault}`)
}
