import type { Builder, Realisable } from '#derivation'
import type { Reporter } from '#events'
import type { Digest } from '#image'
import type { RunnerName } from '#runner'
import type { StorePath } from '#store'
import type { ByteSink } from '#util'

/** How the work is done. None of it moves a byte of the result, except through what a store holds. */
export interface BuildOptions {
  /**
   * Where store paths come from, first match wins: `auto` (the default), `nix`, `local`, `local:ROOT`,
   * `file:///…`, `http(s)://…`, `graph:FILE`. What has to be built goes to the first that is
   * `auto` (the local store, then), `local` or `local:ROOT`.
   */
  readonly stores?: readonly string[]
  /** Keys trusted for binary caches besides the built-in one, `NAME:BASE64`. */
  readonly trustedPublicKeys?: readonly string[]
  /** False takes paths from binary caches without a signature. */
  readonly checkSignatures?: boolean
  /** Folder that relative paths are taken from. Default: the working directory. */
  readonly baseDirectory?: string
  /** Folder where layer digests are remembered; null remembers nothing. Default: `$XDG_CACHE_HOME/dockertools`. */
  readonly cacheDirectory?: string | null
  /** Threads that measure layers. Default: one a core; while the result is compressed, 1. With 1 the least memory is used. */
  readonly threads?: number
  /** Who builds derivations: this package (`own`, the default), or an installed Nix (`nix`). */
  readonly builder?: Builder
  /**
   * How `fakeRootCommands` and `runAsRoot` are run: `fakeroot`, `namespace` or `vm`. Default: the first that is here
   * and can do what the script needs; which one it is comes as an event.
   */
  readonly runner?: RunnerName
  /** The kernel's file that the runner `vm` starts. Default: one of this machine's. */
  readonly vmKernel?: string
  /** Seconds that each script may take. Default: no limit. */
  readonly scriptTimeoutSeconds?: number
  /** Stops the work; what is temporary is removed, and `INTERRUPTED` thrown. */
  readonly signal?: AbortSignal
  /** Receives progress, warnings and what scripts print. */
  readonly onEvent?: Reporter
  /** Milliseconds since 1970, for `now`. Default: `SOURCE_DATE_EPOCH` where it is set, the clock otherwise. */
  readonly now?: () => number
  /** Default: the environment of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Options for writing an image. */
export interface WriteOptions extends BuildOptions {
  /** Takes the place of the image's name and tag in the archive, as it is. */
  readonly repoTag?: string
}

/** How a result is built into the store. */
export interface RealiseOutputOptions extends BuildOptions {
  /** Build it again where it is there already, and compare: `NOT_REPRODUCIBLE` if it is another. */
  readonly rebuild?: boolean
  /** A symlink to make, which keeps the result from being collected as garbage as long as it is there. */
  readonly outLink?: string
}

/** A result in a store. */
export interface RealisedOutput {
  /** What it is called, in any store. */
  readonly storePath: StorePath
  /** Where it can be read on this machine. */
  readonly path: string
}

/** What was written. */
export interface ImageSummary {
  /** Digest of the configuration: what Docker calls the image ID. */
  readonly imageId: Digest
  /** `name:tag` as the archive has it. */
  readonly repoTag: string
  /** Layers, lowest first. */
  readonly layers: readonly Digest[]
  /** Bytes of the uncompressed archive. */
  readonly archiveBytes: number
}

/** The conf: everything that the stream is made of, in one JSON document. */
export interface Conf {
  /** Where upstream would have it in the store. Its hash part is the tag that was not given. */
  readonly path: StorePath
  /** Upstream's `BASE-conf.json`. */
  readonly text: string
}

/**
 * What an image function returns: a description that nothing has been done for
 * yet. In a text (`${image}`) it stands for the store path of its result.
 */
export interface Recipe extends Realisable {
  readonly function:
    | 'streamLayeredImage'
    | 'buildLayeredImage'
    | 'buildImage'
    | 'mergeImages'
    | 'pullImage'
    | 'streamNixShellImage'
    | 'buildNixShellImage'
  /** The lower-cased name. */
  readonly imageName: string
  /** The arguments, as they were given. */
  readonly args: Readonly<Record<string, unknown>>
  readonly passthru: Readonly<Record<string, unknown>>
  readonly meta: Readonly<Record<string, unknown>>
  /** The explicit tag, or the hash part of the conf's store path; for `buildImage` of its own. */
  imageTag(options?: BuildOptions): Promise<string>
  /** Of a layered image; others have none and reject with `DEFINITION_INVALID`. */
  conf(options?: BuildOptions): Promise<Conf>
  /** The layer plan: groups of store paths, lowest layer first. `buildImage` has one, `mergeImages` none. */
  layers(options?: BuildOptions): Promise<readonly (readonly StorePath[])[]>
  /**
   * Makes the result in the store that is written to, unless it is there:
   * the archive; for a streamed image a program that streams it.
   *
   * @throws {DockerToolsError} `STORE_UNAVAILABLE`, `WRITE_FAILED`, `NOT_REPRODUCIBLE`, and as `writeTo`.
   */
  build(options?: RealiseOutputOptions): Promise<RealisedOutput>
  /**
   * Writes the image as an uncompressed docker-archive.
   *
   * The sink is not closed. When this rejects, what was written has no
   * end-of-archive marker.
   */
  writeTo(sink: ByteSink, options?: WriteOptions): Promise<ImageSummary>
  /** The uncompressed docker-archive. The chunks are the reader's to keep. */
  chunks(options?: WriteOptions): AsyncGenerator<Uint8Array>
}

/** What `streamLayeredImage` returns, and `streamNixShellImage`. */
export interface StreamRecipe extends Recipe {
  readonly function: 'streamLayeredImage' | 'streamNixShellImage'
  /** As upstream's output: what is built is a program that streams. */
  readonly isExe: true
}

/** What `buildLayeredImage` returns, and `buildNixShellImage`. */
export interface ArchiveRecipe extends Recipe {
  readonly function: 'buildLayeredImage' | 'buildNixShellImage'
  readonly compressor: 'none' | 'gz' | 'zstd'
  /** The recipe of the same image uncompressed and streamed. */
  readonly stream: StreamRecipe
  /** Writes the archive compressed as `compressor` says. */
  writeCompressedTo(sink: ByteSink, options?: WriteOptions): Promise<ImageSummary>
}

/** An image function whose result is a file in a store. */
export interface ImageFileRecipe extends Recipe {
  readonly function: 'buildImage' | 'mergeImages' | 'pullImage'
  /** Where the result is, or would be, in the store. */
  outputPath(options?: BuildOptions): Promise<StorePath>
  /** Writes the archive compressed as upstream would. */
  writeCompressedTo(sink: ByteSink, options?: WriteOptions): Promise<ImageSummary>
}

/** What `buildImage` returns. */
export interface ImageRecipe extends ImageFileRecipe {
  readonly function: 'buildImage'
  readonly compressor: 'none' | 'gz' | 'zstd'
  /** The arguments again, under upstream's name. */
  readonly buildArgs: Readonly<Record<string, unknown>>
  /** The image's own layer as it is before store paths are added to it. */
  readonly layer: ImageLayerOutput
}

/** The output `layer` of `buildImage`: upstream's `docker-layer-BASE`, a folder with `layer.tar`, `json` and `VERSION`. */
export interface ImageLayerOutput extends Realisable {
  /** Where it would be in the store. */
  outputPath(options?: BuildOptions): Promise<StorePath>
  /** Writes its `layer.tar`. */
  writeTo(sink: ByteSink, options?: BuildOptions): Promise<{ readonly digest: Digest; readonly checksum: string }>
}

/** What `mergeImages` returns. */
export interface MergedRecipe extends ImageFileRecipe {
  readonly function: 'mergeImages'
}

/** What `pullImage` returns. */
export interface PulledRecipe extends ImageFileRecipe {
  readonly function: 'pullImage'
  readonly imageDigest: string
}
