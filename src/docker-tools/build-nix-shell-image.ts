import { compressedWriter } from './build-layered-image.ts'
import { layeredRecipe } from './layered-recipe.ts'
import type { BuildNixShellImageArgs } from './nix-shell-image-args.ts'
import type { ArchiveRecipe } from './recipe.ts'
import { resolveBuildNixShellArgs } from './resolve-nix-shell-args.ts'
import { nixShellIdentity, streamNixShellImage } from './stream-nix-shell-image.ts'

/**
 * Describes the image of `streamNixShellImage` as a compressed archive. In the
 * store it is named after the derivation, whatever the image is called.
 *
 * @param args As for `streamNixShellImage`, and `compressor`: `gz` (the default), `zstd` or `none`.
 * @returns A recipe; `writeCompressedTo(sink)` gives the archive, `stream` is the recipe uncompressed.
 * @throws {DockerToolsError} As `streamNixShellImage`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `buildNixShellImage`
 *
 * @example See what an image is called
 * ```ts
 * import { buildNixShellImage, derivation } from 'dockertools'
 *
 * const hello = derivation({ name: 'hello', builder: '/bin/sh', args: ['-c', 'echo Hello > $out'] })
 * const image = buildNixShellImage({ drv: hello, tag: 'latest', compressor: 'zstd' })
 * console.log(image.imageName, image.compressor)
 * ```
 */
export function buildNixShellImage(args: BuildNixShellImageArgs): ArchiveRecipe {
  const { compressor, ...resolved } = resolveBuildNixShellArgs(args)
  const { layered, drvName } = resolved
  const variant = { compressor, archiveName: `${drvName}-env`, identify: nixShellIdentity(resolved) }
  const recipe = layeredRecipe('buildNixShellImage', { ...args }, layered, variant)
  const { compressor: _, ...streamArgs } = args
  return Object.assign(recipe, {
    compressor,
    stream: streamNixShellImage(streamArgs),
    writeCompressedTo: compressedWriter(recipe, compressor),
  })
}
