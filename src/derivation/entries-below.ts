import { DockerToolsError } from '#errors'
import type { Store } from '#store'
import type { TreeEntry } from '#tree'
import { type ByteString, toByteString } from '#util'
import type { UsedPath } from './path-like.ts'

/**
 * The tree at a path, which may be below a store path.
 *
 * @throws {DockerToolsError} `FILE_UNREADABLE` where nothing is.
 */
export async function* entriesBelow(store: Store, { path, root }: UsedPath): AsyncGenerator<TreeEntry> {
  const parts = path
    .slice(root.length)
    .split('/')
    .filter((part) => part !== '' && part !== '.')
  const below = toByteString(parts.join('/'))
  if (below === '') {
    yield* store.entries(root)
    return
  }
  let isThere = false
  for await (const entry of store.entries(root)) {
    if (entry.path !== below && !entry.path.startsWith(`${below}/`)) continue
    isThere = true
    yield { ...entry, path: entry.path.slice(below.length + 1) as ByteString }
  }
  if (isThere) return
  throw new DockerToolsError('FILE_UNREADABLE', `Cannot use "${path}": there is no such file in "${root}"`)
}
