import { findPlaceholders, importPath, isRealisable, type PathLike, storePath } from '#derivation'

const STORE_PATH = /\/[0-9a-df-np-sv-z]{32}-[^/]+$/
const BELOW_STORE_PATH = /\/[0-9a-df-np-sv-z]{32}-[^/]+\//

/** What stands for a path in a script: a local one has a name only once it is in the store. */
export function storeText(path: PathLike): string {
  if (isRealisable(path)) return String(path)
  if (findPlaceholders(path).size > 0) return path
  if (STORE_PATH.test(path)) return String(storePath(path))
  return BELOW_STORE_PATH.test(path) ? path : String(importPath(path))
}
