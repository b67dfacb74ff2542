import type { Hash, StorePath } from '#store'

/** Content that is known by its hash before anybody makes it. */
export interface FixedContent {
  /** `nar` where the hash is of the NAR (`recursive`), `flat` where it is of the one file. */
  readonly ingestion: 'nar' | 'flat'
  readonly hash: Hash
}

/** Where one result of a derivation belongs. */
export interface DerivationOutput {
  /** Empty only in a text whose hash the path is made of. */
  readonly path: StorePath | ''
  readonly fixed?: FixedContent
}

/** What stands in a `.drv` file. All orders are those of the file, which Nix writes sorted by bytes. */
export interface Derivation {
  /** By name, for example `out`. */
  readonly outputs: ReadonlyMap<string, DerivationOutput>
  /** Derivations that have to be built first, and which of their outputs are used. */
  readonly inputDerivations: ReadonlyMap<StorePath, readonly string[]>
  readonly inputSources: readonly StorePath[]
  readonly system: string
  readonly builder: string
  readonly args: readonly string[]
  readonly env: ReadonlyMap<string, string>
}
