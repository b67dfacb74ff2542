import type { Store, StorePath, WritableStore } from '#store'
import type { Realisable, RealiseOptions } from './realisable.ts'

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
  readonly signal: AbortSignal | undefined

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

  /** Does work that takes the machine's time when it is its turn. Work must not wait for other work in here. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result>

  /** Does the work with this key once. */
  once<Result>(key: string, work: () => Promise<Result>): Promise<Result>
}

/** What a session works with. */
export interface RealiseSessionOptions {
  /** What is read besides `writable`. */
  readonly store: Store
  /** Opened and closed by who opens the session. */
  readonly writable: WritableStore
  /** Default: `own`. */
  readonly builder?: Builder
  /** Default: the working directory. */
  readonly baseDirectory?: string
  /** Builders that run at once. Default: one a core. */
  readonly jobs?: number
  readonly timeLimitSeconds?: number
  readonly signal?: AbortSignal
}
