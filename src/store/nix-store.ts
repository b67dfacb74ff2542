import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DockerToolsError } from '#errors'
import type { TreeEntry } from '#tree'
import { askNixStore } from './ask-nix-store.ts'
import { diskEntries, isOnDisk } from './disk-entries.ts'
import { LookupCache } from './lookup-cache.ts'
import { NixDatabase } from './nix-database.ts'
import type { PathInfo } from './path-info.ts'
import { pathMissing } from './path-missing.ts'
import type { Store } from './store.ts'
import { isStorePath, storePathHash, type StorePath } from './store-path.ts'
import type { StoreOptions } from './store-options.ts'

const DEFAULT_STATE_DIR = '/nix/var/nix'

/**
 * The machine's own Nix store, read-only. Facts come from Nix's database;
 * what that read does not show is asked of `nix-store`. The content is what is
 * on disk: Nix has verified it when it put it there.
 */
export class NixStore implements Store {
  readonly uri = 'nix'
  readonly dir: string
  readonly #options: StoreOptions
  readonly #database: NixDatabase | undefined
  readonly #infos: LookupCache<StorePath, PathInfo | string>
  #listing: Promise<ReadonlyMap<string, StorePath>> | undefined

  private constructor(dir: string, database: NixDatabase | undefined, options: StoreOptions) {
    this.dir = dir
    this.#database = database
    this.#options = options
    this.#infos = new LookupCache((path) => this.#lookUp(path))
  }

  /**
   * @returns undefined where there is no Nix store.
   * @throws {DockerToolsError} `STORE_UNAVAILABLE` if its database is broken.
   */
  static find(dir: string, options: StoreOptions): NixStore | undefined {
    const environment = options.environment ?? process.env
    const databaseFile = join(environment['NIX_STATE_DIR'] ?? DEFAULT_STATE_DIR, 'db/db.sqlite')
    if (existsSync(databaseFile)) return new NixStore(dir, new NixDatabase(databaseFile, dir), options)
    // The state folder may be closed to us while the daemon answers.
    return existsSync(dir) && isOnPath('nix-store', environment) ? new NixStore(dir, undefined, options) : undefined
  }

  async pathInfo(path: StorePath): Promise<PathInfo> {
    const found = await this.#infos.get(path)
    if (typeof found !== 'string') return found
    throw pathMissing(path, this.uri, found === '' ? {} : { cause: new Error(found), hint: found })
  }

  async has(path: StorePath): Promise<boolean> {
    return typeof (await this.#infos.get(path)) !== 'string'
  }

  async findByHashPart(hashPart: string): Promise<StorePath | undefined> {
    const known = this.#database?.findByHashPart(hashPart)
    if (known !== undefined) return known
    this.#listing ??= listByHashPart(this.dir)
    const path = (await this.#listing).get(hashPart)
    return path !== undefined && (await this.has(path)) ? path : undefined
  }

  async *entries(path: StorePath): AsyncGenerator<TreeEntry> {
    await this.pathInfo(path)
    yield* diskEntries(path, this.uri)
  }

  async realPath(path: StorePath): Promise<string | undefined> {
    await this.pathInfo(path)
    return (await isOnDisk(path)) ? path : undefined
  }

  /** The facts, or in their place why nobody has them ('' where there is nothing to say). */
  async #lookUp(path: StorePath): Promise<PathInfo | string> {
    const known = this.#database?.find(path)
    if (known !== undefined) return known
    // What is not on disk is in no database either; asking costs a process.
    if (!isStorePath(path, this.dir) || !(await isOnDisk(path))) return ''
    const answer = await askNixStore(path, this.dir, this.#options)
    return 'info' in answer ? answer.info : answer.reason
  }
}

/** @throws {DockerToolsError} `STORE_UNAVAILABLE` where there is none. */
export function openNixStore(dir: string, options: StoreOptions): NixStore {
  const store = NixStore.find(dir, options)
  if (store !== undefined) return store
  throw new DockerToolsError('STORE_UNAVAILABLE', `Cannot open the Nix store: there is none at "${dir}"`, {
    hint: 'Install Nix, or name another store such as a binary cache',
  })
}

async function listByHashPart(dir: string): Promise<ReadonlyMap<string, StorePath>> {
  const paths = new Map<string, StorePath>()
  for (const name of await readdir(dir)) {
    const path = `${dir}/${name}`
    if (isStorePath(path, dir)) paths.set(storePathHash(path), path)
  }
  return paths
}

function isOnPath(program: string, environment: Readonly<Record<string, string | undefined>>): boolean {
  return (environment['PATH'] ?? '').split(':').some((folder) => folder !== '' && existsSync(join(folder, program)))
}
