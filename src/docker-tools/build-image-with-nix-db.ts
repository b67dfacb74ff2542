import type { BuildImageArgs } from './build-image-args.ts'
import { buildImage } from './build-image.ts'
import type { ImageRecipe } from './recipe.ts'

/**
 * As `buildImage` with `includeNixDB = true`: an image whose store paths Nix
 * knows, so that its commands work in a container. Nix itself has to be among
 * the contents to be run there; here it is not needed.
 *
 * @param args As for `buildImage`. `copyToRoot` has to be given: its closure is what is registered.
 * @returns As `buildImage`.
 * @throws {DockerToolsError} As `buildImage`; `DEFINITION_INVALID` if nothing is copied. Used: `DEFINITION_INVALID` if
 *   the contents have a Nix database of their own.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `buildImageWithNixDb`
 *
 * @example See how large the image is
 * ```ts
 * import { buildImageWithNixDb } from 'dockertools'
 *
 * const image = buildImageWithNixDb({ name: 'hello', tag: 'latest', copyToRoot: './examples/hello/root' })
 * const { archiveBytes } = await image.writeTo({ write: () => undefined })
 * console.log(archiveBytes)
 * ```
 */
export function buildImageWithNixDb(args: BuildImageArgs): ImageRecipe {
  return buildImage({ ...args, includeNixDB: true })
}
