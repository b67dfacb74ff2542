import { isRealisable, type Realisable } from '#derivation'
import type { ByteSink } from '#util'
import type { BuildOptions, RealisedOutput, RealiseOutputOptions } from './recipe.ts'

/** What `exportImage` returns: a description that nothing has been done for yet. */
export interface ExportRecipe extends Realisable {
  readonly function: 'exportImage'
  /** Name of the output. */
  readonly name: string
  /** The arguments, as they were given. */
  readonly args: Readonly<Record<string, unknown>>
  /**
   * Writes the tar of the image's file system.
   *
   * The sink is not closed. When this rejects, what was written has no end-of-archive marker.
   *
   * @returns Bytes written.
   */
  writeTo(sink: ByteSink, options?: ExportOptions): Promise<number>
  /** Makes the tar in the store that is written to, unless it is there. */
  build(options?: RealiseOutputOptions): Promise<RealisedOutput>
  /** The same bytes. The chunks are the reader's to keep. */
  chunks(options?: ExportOptions): AsyncGenerator<Uint8Array>
}

/** How an image is opened and exported. */
export interface ExportOptions extends BuildOptions {
  /** `OS/ARCHITECTURE[/VARIANT]`, of an image that is there for several. Default: the only one, or this machine's. */
  readonly platform?: string
  /** Limits on what a foreign image may ask for, by the names that errors give. */
  readonly limits?: Readonly<Record<string, number>>
}

/** Whether a value is what `exportImage` returned. */
export function isExportRecipe(value: unknown): value is ExportRecipe {
  return isRealisable(value) && 'function' in value && value.function === 'exportImage' && 'writeTo' in value
}
