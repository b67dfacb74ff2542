import { jsonObject } from '#image'
import { parseStorePath, type StorePath } from '#store'
import { ourOutputPath } from './our-derivation.ts'
import { type BuildOptions, isImageFileRecipe, type Recipe } from './recipe.ts'

/** What the name of an archive ends in, by how it is compressed. */
export const EXTENSIONS: Readonly<Record<string, string>> = { none: '', gz: '.gz', zstd: '.zst' }

/** The store path of what a recipe makes: `stream-BASE`, or `BASE.tar` with the compressor's ending. */
export async function recipeOutputPath(recipe: Recipe, options: BuildOptions): Promise<StorePath> {
  if (isImageFileRecipe(recipe)) return await recipe.outputPath(options)
  const conf = await recipe.conf(options)
  const storeDir = conf.path.slice(0, conf.path.lastIndexOf('/'))
  const confPath = parseStorePath(conf.path, storeDir)
  const baseName = confPath.slice(storeDir.length + 34, -'-conf.json'.length)
  const compressor = 'compressor' in recipe && typeof recipe.compressor === 'string' ? recipe.compressor : undefined
  return ourOutputPath({
    name: compressor === undefined ? `stream-${baseName}` : `${baseName}.tar${EXTENSIONS[compressor] ?? ''}`,
    function: recipe.function,
    args: jsonObject(compressor === undefined ? { conf: confPath } : { compressor, conf: confPath }),
    inputs: [confPath],
    storeDir,
  })
}
