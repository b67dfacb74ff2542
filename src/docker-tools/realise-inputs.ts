import type { Realisable } from '#derivation'
import type { BuildContext } from './build-context.ts'

/**
 * Makes what something is made of, as far as no store has it; what does not
 * depend on each other at the same time.
 */
export async function realiseInputs(values: readonly Realisable[], { session }: BuildContext): Promise<void> {
  const results = await Promise.allSettled(values.map((value) => session.realise(value)))
  // Only now: none may go on building after the first has failed, when the store is closed.
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
