import { report } from '#events'
import { isStorePath, scanReferences, type Store, type StorePath, storePathHash, compareStorePaths } from '#store'

/**
 * The store paths among `known` that bytes name: those whose hash part stands anywhere in them. That is what Nix finds in
 * what was built: nothing but what it was built of.
 *
 * @returns Sorted, each once.
 */
export async function findKnownReferences(
  source: AsyncIterable<Uint8Array>,
  known: readonly StorePath[],
  storeDir: string,
): Promise<StorePath[]> {
  const byHashPart = new Map(known.map((path) => [storePathHash(path), path]))
  const found = await scanReferences(source, { storeDir, knownHashParts: new Set(byHashPart.keys()) })
  const references = [...found.hashParts].map((hashPart) => byHashPart.get(hashPart))
  return references.filter((path) => path !== undefined).toSorted(compareStorePaths)
}

/**
 * The store paths that bytes name: those of `known` whose hash part stands
 * anywhere in them, and every other path of a store that stands there with the
 * store's folder. A text that looks like a store path but is in no store is
 * reported and otherwise ignored. For what somebody has written: a definition.
 *
 * @param what Names the bytes in the warning.
 * @param ignored Paths that do not count.
 * @returns Sorted, each once.
 */
export async function findReferences(
  source: AsyncIterable<Uint8Array>,
  known: readonly StorePath[],
  store: Store,
  what: string,
  ignored: readonly StorePath[] = [],
): Promise<StorePath[]> {
  const ignoredHashParts = new Set(ignored.map(storePathHash))
  const byHashPart = new Map(known.map((path) => [storePathHash(path), path]))
  const found = await scanReferences(source, { storeDir: store.dir, knownHashParts: new Set(byHashPart.keys()) })
  const references = new Set<StorePath>()
  for (const hashPart of found.hashParts) {
    const path = byHashPart.get(hashPart)
    if (path !== undefined) references.add(path)
  }
  for (const text of found.texts) {
    const hashPart = text.slice(store.dir.length + 1, store.dir.length + 33)
    if (byHashPart.has(hashPart) || ignoredHashParts.has(hashPart)) continue
    const path = isStorePath(text, store.dir) && (await store.has(text)) ? text : await store.findByHashPart(hashPart)
    if (path !== undefined) references.add(path)
    else
      report({
        type: 'warning',
        code: 'REFERENCE_UNKNOWN',
        message: `${what} names "${text}", which no store has; it is ignored`,
      })
  }
  return [...references].toSorted(compareStorePaths)
}
