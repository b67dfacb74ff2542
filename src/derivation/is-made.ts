import type { StorePath } from '#store'
import type { RealiseSession } from './realisable.ts'

/** Whether a store has a path; in the local store it is then kept from being collected. */
export async function isMade({ store, writable }: RealiseSession, path: StorePath): Promise<boolean> {
  if (await writable.has(path)) return (await writable.keep([path])).length === 0
  return await store.has(path)
}
