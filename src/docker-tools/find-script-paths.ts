import type { Realisable } from '#derivation'
import { closure, type StorePath } from '#store'
import type { BuildContext } from './build-context.ts'
import { findReferences } from './find-references.ts'
import { realiseInputs } from './realise-inputs.ts'

/**
 * The store paths that scripts name. Those of the closure of `contents`
 * count even where their hash parts stand alone, so the contents are made for a script.
 */
export async function findScriptPaths(
  script: string,
  filledIn: readonly StorePath[],
  contents: readonly StorePath[],
  made: readonly Realisable[],
  context: BuildContext,
): Promise<readonly StorePath[]> {
  if (script === '') return []
  await realiseInputs(made, context)
  const known = (await closure(context.store, contents)).map((node) => node.path)
  return await findReferences(once(script), [...new Set([...known, ...filledIn])], context.store, 'the scripts')
}

/** A text as a stream, which scanners take. */
// oxlint-disable-next-line require-await -- there is nothing to wait for
export async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}
