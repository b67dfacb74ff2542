import { derivationOutputPath } from '#derivation'
import { encodeNixJson, type JsonObject } from '#image'
import type { StorePath } from '#store'

/** Moves only when the bytes of an output do. */
const FORMAT_VERSION = '1'

/**
 * The store path that one of upstream's outputs has here: the output path of a
 * derivation of our own with the same name, whose inputs are all that the
 * output is made of. It follows from inputs alone, not from the machine or the release.
 */
export function ourOutputPath(input: {
  readonly name: string
  /** What makes it; part of the hash. */
  readonly function: string
  readonly args: JsonObject
  /** Every store path used, in any order. */
  readonly inputs: readonly StorePath[]
  readonly storeDir: string
}): StorePath {
  return derivationOutputPath(
    {
      name: input.name,
      builder: 'builtin:dockertools',
      system: 'builtin',
      args: [],
      // The writer adds builder, name, out and system.
      env: {
        function: input.function,
        formatVersion: FORMAT_VERSION,
        args: encodeNixJson(input.args),
      },
      inputSources: [...new Set(input.inputs)],
    },
    input.storeDir,
  )
}
