import { type Realisable, type Realisation, REALISE } from '#derivation'
import type { ByteSink } from '#util'
import type { BuildContext } from './build-context.ts'
import type { ImageSummary, Recipe, WriteOptions } from './recipe.ts'

/** What else is asked of an image by those that it is a part of, with the stores that they have open. */
export interface ImageRealisation extends Realisation {
  /** The image as an archive in the store: itself, but for streamed images, whose own output is a program. */
  readonly archive: Realisable
  /** Writes the uncompressed docker-archive. */
  writeTo(sink: ByteSink, context: BuildContext, options: Pick<WriteOptions, 'repoTag'>): Promise<ImageSummary>
}

/** Every image function gives one. */
export function imageRealisation(recipe: Recipe): ImageRealisation {
  return recipe[REALISE] as ImageRealisation
}
