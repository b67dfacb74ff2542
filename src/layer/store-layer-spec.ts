import type { ByteString } from '#util'

/** A store path that goes into a layer, and where its content is on disk. */
export interface LayerRoot {
  /** The name in the image, `/nix/store/…`. */
  readonly logical: ByteString
  /** Where it is read from. */
  readonly physical: ByteString
  /**
   * Whether modes are made those that the Nix store gives (0555, 0444) instead
   * of being taken from disk: for local files that were never put into a store.
   */
  readonly canonicalModes: boolean
}

/** Whom the files of a layer belong to. */
export interface Owner {
  readonly uid: number
  readonly gid: number
  readonly uname: string
  readonly gname: string
}

/** Everything that the bytes of a store layer follow from, besides the content of its paths. */
export interface StoreLayerSpec {
  readonly roots: readonly LayerRoot[]
  readonly owner: Owner
  /** Time of every entry, seconds since 1970. */
  readonly mtimeSeconds: number
}
