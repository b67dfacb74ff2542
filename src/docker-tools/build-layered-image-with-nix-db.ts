import { buildLayeredImage } from './build-layered-image.ts'
import type { BuildLayeredImageArgs } from './layered-image-args.ts'
import type { ArchiveRecipe } from './recipe.ts'

/**
 * As `buildLayeredImage` with `includeNixDB = true`: an image whose store paths
 * Nix knows, so that its commands work in a container. Nix itself has to be
 * among the contents to be run there; here it is not needed.
 *
 * @param args As for `buildLayeredImage`. The closure of `contents` is what is registered.
 * @returns As `buildLayeredImage`.
 * @throws {DockerToolsError} As `buildLayeredImage`. Used: `DEFINITION_INVALID` if the contents have a Nix database of
 *   their own.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `buildLayeredImageWithNixDb`
 *
 * @example See how large the image is
 * ```ts
 * import { buildLayeredImageWithNixDb } from 'dockertools'
 *
 * const image = buildLayeredImageWithNixDb({ name: 'hello', tag: 'latest', contents: './examples/hello/root' })
 * const { archiveBytes } = await image.writeTo({ write: () => undefined })
 * console.log(archiveBytes)
 * ```
 */
export function buildLayeredImageWithNixDb(args: BuildLayeredImageArgs): ArchiveRecipe {
  return buildLayeredImage({ ...args, includeNixDB: true })
}
