import type { StorePath } from '#store'
import type { FixedContent } from './derivation.ts'
import type { DerivationIdentity } from './hash-derivation-modulo.ts'

/** A derivation to be built first, and what of it is used. */
export interface DerivationInput {
  /** Of its `.drv` file. */
  readonly path: StorePath
  readonly identity: DerivationIdentity
  /** At least one. */
  readonly outputs: readonly string[]
}

/**
 * A derivation. Its outputs are named after what goes in ("input-addressed"),
 * unless it has one whose content is known beforehand.
 */
export interface DerivationSpec {
  readonly name: string
  /** What can build it, such as `x86_64-linux`; `builtin` for what Nix or we do ourselves. */
  readonly system: string
  readonly builder: string
  readonly args: readonly string[]
  /** Variables besides `name`, `system`, `builder` and one for each output, which are added. */
  readonly env: Readonly<Record<string, string>>
  /** In any order. */
  readonly inputSources: readonly StorePath[]
  /** Default: `['out']`. */
  readonly outputs?: readonly string[]
  /** In any order. Default: none. */
  readonly inputDerivations?: readonly DerivationInput[]
  /** What `out`, the only output, has to be. */
  readonly fixed?: FixedContent
}
