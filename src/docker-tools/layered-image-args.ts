import type { CompressorName } from '#compress'
import type { Realisable } from '#derivation'
import type { LayeringPipeline } from '#layering'

/**
 * What upstream takes a derivation or a path for: an absolute store path,
 * another path (relative ones start with `./` or `../`), or what a function of
 * this package returned: an image, a text, a joined tree, …
 */
export type PathArgument = string | Realisable

/** What `contents` may be: one item, or a list with lists and nulls in it, which are flattened and dropped. */
export type ContentsArgument = PathArgument | null | readonly ContentsArgument[]

/** `config` of an image: Docker's names, passed on as they are. */
export type ConfigArgument = Readonly<Record<string, unknown>> | null

/** The arguments of `streamLayeredImage`, with upstream's names and defaults. */
export interface StreamLayeredImageArgs {
  /** Name of the image, lower-cased; may begin with a registry. */
  readonly name: string
  /** Tag; null (the default) makes it the hash part of the conf's store path. */
  readonly tag?: string | null
  /** A docker-archive whose layers and environment the image starts with. */
  readonly fromImage?: PathArgument | null
  /** Folders whose files appear in the image's root as symlinks to the store. */
  readonly contents?: ContentsArgument
  /** Configuration of the container, such as `Cmd` and `Env`. Store paths in it become part of the image. */
  readonly config?: ConfigArgument
  /** In Go's words; the default is this machine's. */
  readonly architecture?: string
  /** Creation time: ISO 8601, `@SECONDS` or `now`. Default: one second after 1970. */
  readonly created?: string
  /** Time of the files in the store layers, in the same forms. Default: one second after 1970. */
  readonly mtime?: string
  /** Owner of the files in the store layers. Default 0. */
  readonly uid?: number
  /** Group of the files in the store layers. Default 0. */
  readonly gid?: number
  /** Name of the owner. Default `root`. */
  readonly uname?: string
  /** Name of the group. Default `root`. */
  readonly gname?: string
  /** Most layers the image may have, those of the base image and the one for customisation included. Default 100. */
  readonly maxLayers?: number
  /** Bash script that runs in the image's root before the customisation layer is packed. */
  readonly extraCommands?: string
  /** Bash script that runs after `extraCommands`, as root: owners and devices that it makes are in the layer. */
  readonly fakeRootCommands?: string
  /** Whether `fakeRootCommands` sees the image as its root, with the store in it. Default false. */
  readonly enableFakechroot?: boolean
  /** Whether store paths go into the image at all. Default true. */
  readonly includeStorePaths?: boolean
  /**
   * Whether the image gets the database of a Nix store with the closure of its contents in it, so that
   * Nix's commands work in a container. Default false.
   */
  readonly includeNixDB?: boolean
  /** Explicit layering in upstream's pipeline language: a list of stages, or the path of a JSON file with one. */
  readonly layeringPipeline?: LayeringPipeline | PathArgument | null
  /** How paths are grouped where there is no `layeringPipeline`. Default `popularity`. Upstream has no such argument. */
  readonly layering?: 'popularity' | 'auto'
  /** Reports how the layers were chosen. */
  readonly debug?: boolean
  /** Further attributes of the recipe. */
  readonly passthru?: Readonly<Record<string, unknown>>
  /** What is told about the image; kept as it is. */
  readonly meta?: Readonly<Record<string, unknown>>
}

/** The arguments of `buildLayeredImage`. */
export interface BuildLayeredImageArgs extends StreamLayeredImageArgs {
  /** How the archive is compressed. Default `gz`. */
  readonly compressor?: CompressorName
}
