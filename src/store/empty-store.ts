import type { TreeEntry } from '#tree'
import type { PathInfo } from './path-info.ts'
import { pathMissing } from './path-missing.ts'
import type { Store } from './store.ts'
import type { StorePath } from './store-path.ts'

/** What `auto` is on a machine where no store was found: it has nothing, and says what to do about it. */
export class EmptyStore implements Store {
  readonly uri = 'auto'
  readonly dir: string

  constructor(dir: string) {
    this.dir = dir
  }

  async pathInfo(path: StorePath): Promise<PathInfo> {
    throw this.#missing(path)
  }

  async has(): Promise<boolean> {
    return false
  }

  async findByHashPart(): Promise<undefined> {
    return undefined
  }

  // oxlint-disable-next-line require-yield -- there is nothing to yield, and the reader is told when it asks
  async *entries(path: StorePath): AsyncGenerator<TreeEntry> {
    throw this.#missing(path)
  }

  async realPath(path: StorePath): Promise<undefined> {
    throw this.#missing(path)
  }

  #missing(path: StorePath): Error {
    return pathMissing(path, this.uri, {
      hint: 'There is no Nix store and no local store on this machine; name a store that has the path, for example a binary cache',
    })
  }
}
