import type { StorePath } from '#store'
import type { DerivationInput } from './derivation-spec.ts'
import type { RealiseSession } from './realise-session.ts'

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
