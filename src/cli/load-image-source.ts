import { isExportRecipe, type MultiPlatformImage, type PathArgument } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { loadBuildable } from './load-definition.ts'

/** An image from a definition, or the path of an archive. */
export interface ImageSource {
  readonly image: PathArgument | MultiPlatformImage
  readonly baseDirectory: string
}

/** What definitions end with; everything else is an archive or the folder of a layout. */
const DEFINITION = /^-$|\.(?:json|[cm]?[jt]s(?:#[^/#]*)?)$/

/**
 * What `DEF|ARCHIVE` on the command line names.
 *
 * @throws {DockerToolsError} as `loadBuildable`; `DEFINITION_INVALID` for a definition of `exportImage`.
 */
export async function loadImageSource(argument: string): Promise<ImageSource> {
  if (!DEFINITION.test(argument)) {
    const isPlain = !/^(?:\/|\.\.?\/)/.test(argument)
    return { image: isPlain ? `./${argument}` : argument, baseDirectory: process.cwd() }
  }
  const { recipe, baseDirectory } = await loadBuildable(argument)
  if (!isExportRecipe(recipe)) return { image: recipe, baseDirectory }
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot use "${argument}" here: it is a result of exportImage, it should be an image`,
  )
}
