import type { StreamLayeredImageArgs } from './layered-image-args.ts'
import { layeredRecipe } from './layered-recipe.ts'
import type { StreamRecipe } from './recipe.ts'
import { resolveStreamArgs } from './resolve-layered-args.ts'

/**
 * Describes an image of store paths in many layers, streamed when it is needed
 * and never stored.
 *
 * Arguments are checked at once; everything else happens when the recipe is
 * used. `contents` are joined by symlinks into the image's root,
 * `extraCommands` runs there, and the closure of all that is named there and in
 * `config` is grouped into layers. Layers are hashed on all cores while earlier ones are
 * written; small ones are read once, large ones twice. Memory does not grow with the image.
 *
 * @param args Upstream's arguments. Times are ISO 8601, `@SECONDS` or `"now"`; `maxLayers`
 *   counts the base image's layers and the customisation layer.
 * @returns A recipe: `writeTo(sink)` and `chunks()` give the uncompressed docker-archive.
 * @throws {DockerToolsError} `DEFINITION_INVALID` for an unknown argument or a wrong value,
 *   `LAYER_LIMIT` if `maxLayers` is not above 1.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `streamLayeredImage`
 * @remarks Differs from nixpkgs: `docs/parity.md`.
 *
 * @example Stream an image of a store path and see its ID
 * ```ts
 * import { streamLayeredImage } from 'dockertools'
 *
 * const image = streamLayeredImage({ name: 'hello', tag: 'latest', contents: ['./examples/hello/root'] })
 * let bytes = 0
 * const { imageId } = await image.writeTo({ write: (chunk) => void (bytes += chunk.length) })
 * console.log(imageId, bytes)
 * ```
 */
export function streamLayeredImage(args: StreamLayeredImageArgs): StreamRecipe {
  const resolved = resolveStreamArgs('streamLayeredImage', args)
  return Object.assign(layeredRecipe('streamLayeredImage', { ...args }, resolved), { isExe: true } as const)
}
