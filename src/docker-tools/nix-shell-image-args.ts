import type { CompressorName } from '#compress'
import type { Coercible, Realisable } from '#derivation'

/** A derivation written out, as an evaluation of it would give it. */
export interface DerivationAttributes {
  /** Name of the store path. */
  readonly name: string
  /** What it was made of: `builder`, `args`, and its variables. */
  readonly drvAttrs: Readonly<Record<string, Coercible>>
  /** Where its outputs belong, by name. They need not be there. */
  readonly outputs: Readonly<Record<string, string>>
}

/** The store path of a `.drv`, a derivation made here, or one written out. */
export type DrvArgument = string | Realisable | DerivationAttributes

/** The arguments of `streamNixShellImage`, with upstream's names and defaults. */
export interface StreamNixShellImageArgs {
  /** The derivation whose environment the image has. */
  readonly drv: DrvArgument
  /** Name of the image. Default: the derivation's, and `-env`. */
  readonly name?: string
  /** Tag; null (the default) makes it the hash part of the conf's store path. */
  readonly tag?: string | null
  /** User that containers run as. Default: 1000. */
  readonly uid?: number
  /** Group that containers run as. Default: 1000. */
  readonly gid?: number
  /** Home of that user: an absolute path. Default: `/build`. */
  readonly homeDirectory?: string
  /**
   * Path of the bash that is started. Default: `bin/bash` of `bashInteractive` or `bash` of nixpkgs (lock file, then
   * Nix), else the derivation's builder where that is a bash of the store, else this machine's.
   */
  readonly shell?: string | Realisable
  /** Run in the environment by an interactive shell, as by `nix-shell --command`. */
  readonly command?: string | null
  /** Run in the environment by a shell that is not interactive, as by `nix-shell --run`. */
  readonly run?: string | null
  /** How store paths are grouped into layers; not upstream's. Default: `popularity`. */
  readonly layering?: 'popularity' | 'auto'
}

/** The arguments of `buildNixShellImage`. */
export interface BuildNixShellImageArgs extends StreamNixShellImageArgs {
  /** Default: `gz`. */
  readonly compressor?: CompressorName
}
