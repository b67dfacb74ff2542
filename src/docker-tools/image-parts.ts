import type { CompressorName } from '#compress'
import type { Digest, Platform } from '#image'
import type { UnmeasuredLayer } from '#layer'
import type { ByteSink } from '#util'
import type { BuildOptions, Recipe } from './recipe.ts'

/** An image that is taken apart into what a registry wants, with no archive around it. */
export interface ImageParts {
  /** `name:tag` as an archive would have it; undefined for an image without a name. */
  readonly repoTag: string | undefined
  /** Lowest first. */
  readonly layers: readonly LayerPart[]
  /** The configuration. It is known once every layer has been taken. */
  config(): Promise<{ readonly bytes: Uint8Array; readonly platform: Platform }>
}

/** A layer of an image that is taken apart. */
export interface LayerPart {
  /** Digest of the plain tar, and its bytes where they are known: as soon as it is measured. */
  measured(): Promise<{ readonly digest: Digest; readonly size: number | undefined }>
  /**
   * Layers are taken in their order, each once, and each is written or skipped before the next one is written. Those that
   * can be had `again` may be written beside others.
   */
  take(): Promise<TakenLayer>
  /**
   * In place of `take`: the layer before anybody has measured it, and so before its digest is known. Undefined where
   * that is known, or found out just as soon.
   */
  readonly make?: (() => Promise<UnmeasuredLayer | undefined>) | undefined
  /** About how many bytes the plain tar has, where that is known before it is measured. */
  readonly sizeHint?: number | undefined
  /** What it is compressed with where it stands; undefined for plain ones, and for what is only made now. */
  readonly stored?: StoredBlob | undefined
  /** How whoever made the image wants it compressed; undefined where nobody said. */
  readonly preferred?: CompressorName | undefined
  /** The plain tar, where it can be read again and again. Nothing is checked. */
  readonly plain?: RereadableBytes | undefined
}

/** A layer whose turn it is. */
export interface TakenLayer {
  /** Writes the plain tar, and checks it. */
  writeTo(sink: ByteSink): Promise<void>
  skip(): void
  /** The same layer once more; undefined where it can be written once only. */
  readonly again?: (() => TakenLayer) | undefined
}

/** Bytes that can be read from anywhere, again and again. */
export interface RereadableBytes {
  /** Bytes. */
  readonly size: number
  /** From `offset` on. A chunk is valid until the next one is asked for. */
  open(offset: number): AsyncIterable<Uint8Array>
}

/** A layer in the form that it has in an archive. */
export interface StoredBlob extends RereadableBytes {
  readonly compressor: Exclude<CompressorName, 'none'>
  /** What is said of it; nothing has been checked. */
  readonly digest: Digest | undefined
}

/** The name under which recipes that can be taken apart offer it. It is no part of the public interface. */
export const USE_PARTS: unique symbol = Symbol('dockertools.useParts')

/** A recipe of one image that can be taken apart. */
export interface PartedRecipe {
  [USE_PARTS]<T>(options: BuildOptions, use: (parts: ImageParts) => Promise<T>): Promise<T>
}

/** Whether a recipe can be taken apart. */
export function isPartedRecipe(recipe: Recipe): recipe is Recipe & PartedRecipe {
  return USE_PARTS in recipe
}
