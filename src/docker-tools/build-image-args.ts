import type { CompressorName } from '#compress'
import type { ConfigArgument, ContentsArgument, PathArgument } from './layered-image-args.ts'

/** The arguments of `buildImage`, with upstream's names and defaults. */
export interface BuildImageArgs {
  /** Name of the image, lower-cased; may begin with a registry. */
  readonly name: string
  /** Tag; null (the default) makes it the hash part of the image's own store path. */
  readonly tag?: string | null
  /** A docker-archive whose layers and environment the image starts with. */
  readonly fromImage?: PathArgument | null
  /** Name of the image in `fromImage`, where it has several. Default: any. */
  readonly fromImageName?: string | null
  /** Tag of the image in `fromImage`, where it has several. Default: any. */
  readonly fromImageTag?: string | null
  /** Folders whose files are copied into the image's root. */
  readonly copyToRoot?: ContentsArgument
  /** Whether symlinks to folders stay symlinks when they are copied. Default false: they become folders. */
  readonly keepContentsDirlinks?: boolean
  /** Configuration of the container, such as `Cmd` and `Env`. Store paths in it become part of the image. */
  readonly config?: ConfigArgument
  /** In Go's words; the default is this machine's. */
  readonly architecture?: string
  /** Bash script that runs in the image's root before the layer is packed. */
  readonly extraCommands?: string
  /** Owner of the files of the layer, but for those of the closure. Default 0. */
  readonly uid?: number
  /** Group of the same files. Default 0. */
  readonly gid?: number
  /** Bash script that runs in the image as its root, on top of the base. What it changes is the layer. */
  readonly runAsRoot?: string | null
  /** MiB that `runAsRoot` may write. Default 1024. */
  readonly diskSize?: number
  /** MiB of memory that `runAsRoot` may use. Default: 512 in a virtual machine, no limit elsewhere. */
  readonly buildVMMemorySize?: number
  /** Creation time in ISO 8601, which is written as it is, or `now`. Default: one second after 1970. */
  readonly created?: string
  /** How the archive is compressed. Default `gz`. */
  readonly compressor?: CompressorName
  /**
   * Whether the image gets the database of a Nix store with the closure of its contents in it, so that
   * Nix's commands work in a container. Default false.
   */
  readonly includeNixDB?: boolean
  /** Upstream's deprecated name of `copyToRoot`. */
  readonly contents?: ContentsArgument
  /** What is told about the image; kept as it is. */
  readonly meta?: Readonly<Record<string, unknown>>
}
