import type { CompressorName } from '#compress'
import type { ByteSink } from '#util'
import { inContext } from './in-context.ts'
import { imageRealisation } from './image-realisation.ts'
import type { BuildLayeredImageArgs } from './layered-image-args.ts'
import { layeredRecipe, writeCompressed } from './layered-recipe.ts'
import type { ArchiveRecipe, ImageSummary, Recipe, WriteOptions } from './recipe.ts'
import { resolveBuildArgs } from './resolve-layered-args.ts'
import { streamLayeredImage } from './stream-layered-image.ts'

/**
 * Describes an image of store paths in many layers, as a compressed archive.
 *
 * The image is that of `streamLayeredImage` with the same arguments, tag included.
 *
 * @param args As for `streamLayeredImage`, and `compressor`: `gz` (the default), `zstd` or `none`.
 * @returns A recipe; `writeCompressedTo(sink)` gives the archive, `stream` is the recipe uncompressed.
 * @throws {DockerToolsError} As `streamLayeredImage`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `buildLayeredImage`
 *
 * @example Build an archive in memory
 * ```ts
 * import { buildLayeredImage } from 'dockertools'
 *
 * const image = buildLayeredImage({ name: 'hello', tag: 'latest', contents: './examples/hello/root', compressor: 'zstd' })
 * const parts: Uint8Array[] = []
 * await image.writeCompressedTo({ write: (chunk) => void parts.push(Uint8Array.from(chunk)) })
 * console.log(Buffer.concat(parts).length)
 * ```
 */
export function buildLayeredImage(args: BuildLayeredImageArgs): ArchiveRecipe {
  const { compressor, ...resolved } = resolveBuildArgs('buildLayeredImage', args)
  const recipe = layeredRecipe('buildLayeredImage', { ...args }, resolved, { compressor })
  const { compressor: _, ...streamArgs } = args
  return Object.assign(recipe, {
    compressor,
    stream: streamLayeredImage(streamArgs),
    writeCompressedTo: compressedWriter(recipe, compressor),
  })
}

/** `writeCompressedTo` of an image that is streamed. */
export function compressedWriter(
  recipe: Recipe,
  compressor: CompressorName,
): (sink: ByteSink, options?: WriteOptions) => Promise<ImageSummary> {
  return (sink, options = {}) =>
    inContext(options, (context) =>
      writeCompressed(
        compressor,
        context,
        (plain, frugal) => imageRealisation(recipe).writeTo(plain, frugal, options),
        sink,
      ),
    )
}
