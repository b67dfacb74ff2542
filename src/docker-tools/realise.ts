import { resolve } from 'node:path'
import type { Realisable } from '#derivation'
import { checkRootLink } from '#store'
import { inContext } from './in-context.ts'
import type { RealisedOutput, RealiseOutputOptions } from './recipe.ts'

/**
 * Makes what a function of this package has described, and all that it is made
 * of, in the store that is written to: an image, a text, a joined tree, … What is
 * there already is taken as it is.
 *
 * @param value What one of the functions returned.
 * @param options `outLink` makes a link that keeps the result; `rebuild` makes it again and compares. The others are those of all recipes.
 * @returns `storePath`, its name in every store, and `path`, where it can be read on this machine.
 * @throws {DockerToolsError} `STORE_UNAVAILABLE` where no store can be written; `NOT_REPRODUCIBLE` with `rebuild`;
 *   what making it throws.
 * @remarks Not in nixpkgs: it is what `nix-build` does.
 *
 * @example Write an image to the local store
 * ```ts
 * import { buildLayeredImage, realise } from 'dockertools'
 *
 * const image = buildLayeredImage({ name: 'site', tag: '1.0', contents: './examples/site/pages' })
 * const { path } = await realise(image, { stores: ['local:result-store'] })
 * console.log(path)
 * ```
 */
export async function realise(value: Realisable, options: RealiseOutputOptions = {}): Promise<RealisedOutput> {
  const link = options.outLink === undefined ? undefined : resolve(options.outLink)
  // Before any work: what the link would take the place of is told at once.
  if (link !== undefined) checkRootLink(link)
  return await inContext(options, async ({ session }) => {
    const storePath = await session.realise(value)
    if (options.rebuild === true) await session.realise(value, { isRebuild: true })
    // What is found in another store, a binary cache for example, is brought here.
    await session.bring([storePath])
    if (link !== undefined) await session.writable.addRoot(link, storePath, { target: 'physical' })
    return { storePath, path: (await session.writable.realPath(storePath)) ?? storePath }
  })
}
