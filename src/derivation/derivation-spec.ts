import type { StorePath } from '#store'

/**
 * A derivation whose inputs are store paths that are there already; nothing of
 * it has to be built first. Its outputs are named after what goes in
 * ("input-addressed").
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
}
