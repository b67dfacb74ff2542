import type { PathInfo } from './path-info.ts'
import type { MeasuredNode } from './reference-graph.ts'
import type { Store } from './store.ts'
import { compareStorePaths, type StorePath } from './store-path.ts'
import { DockerToolsError } from '#errors'

/** Look-ups under way at once: enough to hide a cache's latency, few enough for a server's patience. */
const CONCURRENT_LOOKUPS = 24

/**
 * Everything that `roots` refer to, directly or not, themselves included.
 * Cycles are fine; memory grows with the closure, the stack does not.
 *
 * @throws {DockerToolsError} `STORE_PATH_MISSING`, which names the path and
 *   what refers to it.
 */
export async function closure(store: Store, roots: readonly StorePath[]): Promise<readonly MeasuredNode[]> {
  const infos = new Map<StorePath, PathInfo>()
  const seen = new Set<StorePath>(roots)
  const pending = [...seen].map((path) => ({ path, from: undefined as StorePath | undefined }))
  let next = 0
  const active = new Set<Promise<void>>()

  async function visit(path: StorePath, from: StorePath | undefined): Promise<void> {
    const info = await lookUp(store, path, from)
    infos.set(path, info)
    for (const reference of info.references) {
      if (seen.has(reference)) continue
      seen.add(reference)
      pending.push({ path: reference, from: path })
    }
  }

  try {
    while (next < pending.length || active.size > 0) {
      while (next < pending.length && active.size < CONCURRENT_LOOKUPS) {
        const { path, from } = pending[next++]!
        const visiting: Promise<void> = visit(path, from).finally(() => active.delete(visiting))
        active.add(visiting)
      }
      await Promise.race(active)
    }
  } finally {
    // After a failure: no look-up may be left to fail unheard.
    await Promise.allSettled(active)
  }
  return [...infos.values()]
    .map(({ path, references, narSize, narHash }) => ({ path, references, narSize, narHash }))
    .toSorted((a, b) => compareStorePaths(a.path, b.path))
}

async function lookUp(store: Store, path: StorePath, from: StorePath | undefined): Promise<PathInfo> {
  try {
    return await store.pathInfo(path)
  } catch (error) {
    if (from === undefined || !(error instanceof DockerToolsError) || error.code !== 'STORE_PATH_MISSING') throw error
    throw new DockerToolsError(
      'STORE_PATH_MISSING',
      `Cannot find the closure: "${from}" refers to "${path}", which store "${store.uri}" does not have`,
      { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) },
    )
  }
}
