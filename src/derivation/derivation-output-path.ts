import type { StorePath } from '#store'
import type { DerivationSpec } from './derivation-spec.ts'
import { writeDerivation } from './write-derivation.ts'

/**
 * The path of a derivation's first output: that of `out`, unless it has others.
 *
 * @throws As `writeDerivation` does.
 */
export function derivationOutputPath(spec: DerivationSpec, storeDir?: string): StorePath {
  const [first] = writeDerivation(spec, storeDir).outputs.values()
  // There is at least one, `writeDerivation` saw to that.
  return first!
}
