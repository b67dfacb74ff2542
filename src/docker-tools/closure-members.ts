import type { PackedMember } from '#layer'
import type { StorePath } from '#store'
import { type ByteString, compareByteStrings, toByteString } from '#util'
import { packed } from './image-layer.ts'
import type { StoredEntry, StoredTrees } from './stored-trees.ts'

const ROOT = toByteString('root')
const OWNER = { uid: 0, gid: 0, uname: ROOT, gname: ROOT }
const STORE_MODE = 0o555

/**
 * The members that upstream appends to an image's own layer: every file of the
 * closure that is in no layer yet, by name, owned by 0. Where the layers have
 * no folder of the store, it comes first, readable for everybody. They come in one list for each path, so that one
 * path can be packed and hashed while the next is listed.
 *
 * @param isThere Whether a file of this absolute name is in a layer already.
 */
export async function* closureMembers(
  closure: readonly StorePath[],
  isThere: (path: string) => boolean,
  storeDir: string,
  trees: StoredTrees,
): AsyncGenerator<readonly PackedMember[]> {
  if (closure.length === 0) return
  if (!isThere(storeDir)) {
    yield foldersOf(storeDir).map((folder) => {
      const path = toByteString(`.${folder}`)
      const entry: StoredEntry = { path, mode: STORE_MODE, type: 'directory' }
      return packed(entry, { ...OWNER, path })
    })
  }
  for (const storePath of closure.toSorted()) {
    const { entries } = await trees.tree(storePath)
    const named = entries.map((entry) => ({
      name: toByteString(storePath).concat(entry.path === '' ? '' : `/${entry.path}`) as ByteString,
      entry,
    }))
    named.sort((a, b) => compareByteStrings(a.name, b.name))
    yield named
      .filter(({ name }) => !isThere(name))
      .map(({ name, entry }) => packed(entry, { ...OWNER, path: name.slice(1) as ByteString }))
  }
}

/** `/nix` and `/nix/store`. */
function foldersOf(storeDir: string): string[] {
  const parts = storeDir.split('/').filter((part) => part !== '')
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)
}
