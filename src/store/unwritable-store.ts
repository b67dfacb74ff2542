import { DockerToolsError } from '#errors'
import type { TreeEntry } from '#tree'
import type { PathInfo } from './path-info.ts'
import { pathMissing } from './path-missing.ts'
import type { StorePath } from './store-path.ts'
import type { VerifyReport, WritableStore } from './writable-store.ts'

/** Stands where no store that can be written was named: it has nothing, and says so to who wants to write. */
export class UnwritableStore implements WritableStore {
  readonly dir: string
  readonly uri: string
  readonly root = ''

  /** @param uris The stores that were named. */
  constructor(dir: string, uris: readonly string[]) {
    this.dir = dir
    this.uri = uris.join(' ')
  }

  pathInfo(path: StorePath): Promise<PathInfo> {
    return Promise.reject(pathMissing(path, this.uri))
  }

  has(): Promise<boolean> {
    return Promise.resolve(false)
  }

  findByHashPart(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  // oxlint-disable-next-line require-yield -- there is nothing to yield, and the reader is told when it asks
  async *entries(path: StorePath): AsyncGenerator<TreeEntry> {
    throw await Promise.resolve(pathMissing(path, this.uri))
  }

  realPath(path: StorePath): Promise<undefined> {
    return Promise.reject(pathMissing(path, this.uri))
  }

  verify(): Promise<VerifyReport> {
    return Promise.resolve({ pathCount: 0, faults: [] })
  }

  readonly addLocal = (): Promise<never> => this.#refuse()
  readonly addText = (): Promise<never> => this.#refuse()
  readonly addEntries = (): Promise<never> => this.#refuse()
  readonly scratchPath = (): Promise<never> => this.#refuse()
  readonly registerOutput = (): Promise<never> => this.#refuse()
  readonly registerOutputs = (): Promise<never> => this.#refuse()
  readonly copyClosure = (): Promise<never> => this.#refuse()
  readonly keep = (): Promise<never> => this.#refuse()
  readonly lock = (): Promise<never> => this.#refuse()
  readonly addRoot = (): Promise<never> => this.#refuse()
  readonly collectGarbage = (): Promise<never> => this.#refuse()

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing was opened.
  }

  #refuse(): Promise<never> {
    return Promise.reject(
      new DockerToolsError(
        'STORE_UNAVAILABLE',
        `Cannot write to a store: there is only ${JSON.stringify(this.uri)}, one should be "local" or "local:ROOT"`,
        { hint: 'Name one besides, for example with --store local' },
      ),
    )
  }
}
