import type { Realisable } from '#derivation'
import type { BuildContext } from './build-context.ts'

/**
 * Makes what something is made of, as far as no store has it; what does not
 * depend on each other at the same time.
 */
export async function realiseInputs(values: readonly Realisable[], { session }: BuildContext): Promise<void> {
  await session.all(values.map((value) => session.realise(value)))
}
