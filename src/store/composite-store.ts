import { DockerToolsError } from '#errors'
import type { TreeEntry } from '#tree'
import type { PathInfo } from './path-info.ts'
import { pathMissing } from './path-missing.ts'
import type { Store } from './store.ts'
import type { StorePath } from './store-path.ts'

/** Several stores as one: the first that has a path answers for it. */
export class CompositeStore implements Store {
  readonly dir: string
  readonly uri: string
  readonly #stores: readonly Store[]
  readonly #owners = new Map<StorePath, Store>()

  /** @throws {DockerToolsError} `STORE_UNAVAILABLE` if the stores name their paths in different folders. */
  constructor(stores: readonly [Store, ...Store[]]) {
    this.dir = stores[0].dir
    this.uri = stores.map((store) => store.uri).join(' ')
    this.#stores = stores
    const other = stores.find((store) => store.dir !== this.dir)
    if (other !== undefined) {
      throw new DockerToolsError(
        'STORE_UNAVAILABLE',
        `Cannot use stores together: "${stores[0].uri}" is for "${this.dir}" and "${other.uri}" for "${other.dir}", ` +
          'all should be for the same folder',
      )
    }
  }

  async pathInfo(path: StorePath): Promise<PathInfo> {
    return (await this.#owner(path)).pathInfo(path)
  }

  async has(path: StorePath): Promise<boolean> {
    return (await this.#findOwner(path)) !== undefined
  }

  async findByHashPart(hashPart: string): Promise<StorePath | undefined> {
    for (const store of this.#stores) {
      const path = await store.findByHashPart(hashPart)
      if (path !== undefined) return path
    }
    return undefined
  }

  async *entries(path: StorePath): AsyncGenerator<TreeEntry> {
    yield* (await this.#owner(path)).entries(path)
  }

  async realPath(path: StorePath): Promise<string | undefined> {
    return (await this.#owner(path)).realPath(path)
  }

  async #owner(path: StorePath): Promise<Store> {
    const owner = await this.#findOwner(path)
    if (owner === undefined) throw pathMissing(path, this.uri)
    return owner
  }

  async #findOwner(path: StorePath): Promise<Store | undefined> {
    const known = this.#owners.get(path)
    if (known !== undefined) return known
    for (const store of this.#stores) {
      if (!(await store.has(path))) continue
      this.#owners.set(path, store)
      return store
    }
    // Not remembered: one of the stores may be given it yet.
    return undefined
  }
}
