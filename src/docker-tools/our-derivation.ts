import { derivationOutputPath, type OurDerivation, ourDerivationSpec } from '#derivation'
import type { StorePath } from '#store'

/**
 * The store path that one of upstream's outputs has here: the output path of a
 * derivation of our own with the same name, whose inputs are all that the
 * output is made of. It follows from inputs alone, not from the machine or the release.
 */
export function ourOutputPath(input: OurDerivation & { readonly storeDir: string }): StorePath {
  return derivationOutputPath(ourDerivationSpec(input), input.storeDir)
}
