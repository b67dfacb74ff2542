import type { Store, StoreOptions, StorePath, WritableStore } from '#store'
import type { DerivationInput } from './derivation-spec.ts'

/** The property that makes a value one whose output can be made. Global, so that two copies of this package agree. */
export const REALISE: unique symbol = Symbol.for('dockertools.realise')

/** How an output is made. All of it is asked through a session, which asks once. */
export interface Realisation {
  /** For messages; the output's name as a rule. */
  readonly name: string
  /**
   * Where the output belongs. Makes nothing, though local files that the path
   * depends on are read, and may be added to the store.
   */
  outPath(session: RealiseSession): Promise<StorePath>
  /**
   * Makes the output, unless a store of the session has it already, and gives
   * its path.
   */
  realise(session: RealiseSession, options: RealiseOptions): Promise<StorePath>
  /** Where it is the output of a derivation. Other outputs are sources of the derivations that use them. */
  readonly derivation?: DerivationOutputOf
}

/** The derivation that something is an output of. */
export interface DerivationOutputOf {
  /** What it counts as where another derivation uses it. */
  asInput(session: RealiseSession): Promise<DerivationInput>
  /** Writes its `.drv`, and what that refers to, to the local store. */
  instantiate(session: RealiseSession): Promise<StorePath>
  /** What it is, without making anything. */
  describe(session: RealiseSession): Promise<DerivationDescription>
}

/** A derivation whose `.drv` need not be anywhere yet. */
export interface DerivationDescription {
  /** Where its `.drv` belongs, and what stands in it. */
  readonly path: StorePath
  readonly text: string
  /** What has to be made before it can be built. */
  readonly values: readonly Realisable[]
  /** The paths of all that it is made from. */
  readonly inputs: readonly StorePath[]
}

/** How one output is asked for. */
export interface RealiseOptions {
  /** Make it again where it is there already, and compare. What it is made from is taken as it is. */
  readonly isRebuild: boolean
}

/**
 * Something whose output is a store path that has to be made first: a
 * derivation, a text, a joined tree, an image. As text (`${hello}/bin/hello`)
 * it is a placeholder that is replaced by the path when the text is used.
 */
export interface Realisable {
  readonly [REALISE]: Realisation
  /** The placeholder. */
  toString(): string
}

/** Whether a value is one whose output can be made. */
export function isRealisable(value: unknown): value is Realisable {
  return typeof value === 'object' && value !== null && REALISE in value
}

/** Who runs builders: this package, or an installed Nix. */
export type Builder = 'own' | 'nix'

/**
 * The work on one request: what is asked for several times is done once, what
 * does not depend on each other at the same time.
 */
export interface RealiseSession {
  /** What is read: the store that is written to first, then the others. */
  readonly store: Store
  /** Where outputs go. Nothing is made on disk before something is written. */
  readonly writable: WritableStore
  readonly builder: Builder
  /** Folder that relative paths are taken from. */
  readonly baseDirectory: string
  /** After which a builder is stopped, in seconds; without it, never. */
  readonly timeLimitSeconds: number | undefined
  /** Fires when the caller stops the work, and when some of it has failed. */
  readonly signal: AbortSignal
  /** How further stores are opened, such as a binary cache that a definition names. */
  readonly storeOptions: StoreOptions

  /**
   * Where an output belongs.
   *
   * @throws {DockerToolsError} `DEFINITION_INVALID` for values that need each other in a circle.
   */
  outPath(value: Realisable): Promise<StorePath>

  /**
   * Makes an output, unless a store has it, and what it is made from.
   *
   * @throws {DockerToolsError} `DEFINITION_INVALID` for values that need each other in a circle.
   */
  realise(value: Realisable, options?: Partial<RealiseOptions>): Promise<StorePath>

  /** Adds a local file or tree to the store, under the last part of its name; asked again, it is not read again. */
  addLocal(path: string): Promise<StorePath>

  /** Brings store paths with all they refer to into `writable`. */
  bring(paths: readonly StorePath[]): Promise<void>

  /**
   * Waits for work that goes on at the same time. When one fails, the others are
   * stopped, and have ended before the failure is told: none of them may still
   * write to a store that is closed because of it.
   */
  all<Result>(works: readonly Promise<Result>[]): Promise<Result[]>

  /** Does work that takes the machine's time when it is its turn. Work must not wait for other work in here. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result>

  /** Does the work with this key once. */
  once<Result>(key: string, work: () => Promise<Result>): Promise<Result>
}
