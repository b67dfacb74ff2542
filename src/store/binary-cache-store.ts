import { DockerToolsError, IntegrityError } from '#errors'
import type { TreeEntry } from '#tree'
import { cacheEntries } from './cache-entries.ts'
import type { CacheSource } from './cache-source.ts'
import { resolveContentAddress } from './content-address.ts'
import { LookupCache } from './lookup-cache.ts'
import { type NarInfo, parseNarInfo } from './narinfo.ts'
import type { PathInfo } from './path-info.ts'
import { pathMissing } from './path-missing.ts'
import { TrustedKeys } from './signature.ts'
import type { Store } from './store.ts'
import { isHashPart, isStorePath, storePathHash, type StorePath } from './store-path.ts'
import type { StoreOptions } from './store-options.ts'

const MAX_CACHE_INFO_BYTES = 65_536
/** A path with ten thousand references takes 600 kB. */
const MAX_NARINFO_BYTES = 4 * 1024 * 1024

/** A Nix binary cache. Nothing of it is trusted: signatures vouch for facts, and facts for content. */
export class BinaryCacheStore implements Store {
  readonly dir: string
  readonly uri: string
  readonly #source: CacheSource
  readonly #trustedKeys: TrustedKeys | undefined
  readonly #infos: LookupCache<string, NarInfo | undefined>

  private constructor(source: CacheSource, dir: string, options: StoreOptions) {
    this.dir = dir
    this.uri = source.uri
    this.#source = source
    this.#trustedKeys = options.checkSignatures === false ? undefined : new TrustedKeys(options.trustedPublicKeys)
    this.#infos = new LookupCache((hashPart) => this.#lookUp(hashPart))
  }

  /** @throws {DockerToolsError} `STORE_UNAVAILABLE` if there is no binary cache, or one for another store folder. */
  static async open(source: CacheSource, dir: string, options: StoreOptions): Promise<BinaryCacheStore> {
    const bytes = await source.read('nix-cache-info', MAX_CACHE_INFO_BYTES)
    if (bytes === undefined) {
      throw new DockerToolsError(
        'STORE_UNAVAILABLE',
        `Cannot open binary cache "${source.uri}": it has no file "nix-cache-info", every binary cache should`,
      )
    }
    const storeDir = /^StoreDir:[ \t]*(.*?)[ \t\r]*$/m.exec(Buffer.from(bytes).toString('utf8'))?.[1]
    if (storeDir !== undefined && storeDir !== dir) {
      throw new DockerToolsError(
        'STORE_UNAVAILABLE',
        `Cannot use binary cache "${source.uri}": it is for the store folder ${JSON.stringify(storeDir)}, it should be for "${dir}"`,
      )
    }
    return new BinaryCacheStore(source, dir, options)
  }

  async pathInfo(path: StorePath): Promise<PathInfo> {
    return this.#narInfo(path)
  }

  async has(path: StorePath): Promise<boolean> {
    return isStorePath(path, this.dir) && (await this.#infos.get(storePathHash(path)))?.path === path
  }

  async findByHashPart(hashPart: string): Promise<StorePath | undefined> {
    return isHashPart(hashPart) ? (await this.#infos.get(hashPart))?.path : undefined
  }

  async *entries(path: StorePath): AsyncGenerator<TreeEntry> {
    const info = await this.#narInfo(path)
    yield* cacheEntries(this.#source, info, resolveContentAddress(info, this.dir))
  }

  async realPath(path: StorePath): Promise<undefined> {
    await this.#narInfo(path)
  }

  async #narInfo(path: StorePath): Promise<NarInfo> {
    if (!isStorePath(path, this.dir)) throw pathMissing(path, this.uri)
    const info = await this.#infos.get(storePathHash(path))
    if (info === undefined) throw pathMissing(path, this.uri)
    if (info.path !== path) {
      throw pathMissing(path, this.uri, { hint: `The store has "${info.path}", which has the same hash part` })
    }
    this.#checkSignature(info)
    return info
  }

  #checkSignature(info: NarInfo): void {
    const keys = this.#trustedKeys
    if (keys === undefined || keys.verifyPath(info) || resolveContentAddress(info, this.dir) !== undefined) return
    const signers = info.signatures.map((signature) => signature.split(':')[0]!).join(', ')
    const found = signers === '' ? 'none' : `none that holds, only by ${JSON.stringify(signers)}`
    throw new IntegrityError(
      'SIGNATURE_INVALID',
      `Cannot trust "${info.path}" from "${this.uri}": of signatures it has ${found}, it should have one by a trusted key`,
      {
        expected: keys.names.join(', '),
        actual: signers,
        hint: 'Name the public key of the cache as trusted, or turn the check off if you trust where it comes from',
      },
    )
  }

  async #lookUp(hashPart: string): Promise<NarInfo | undefined> {
    const name = `${hashPart}.narinfo`
    const bytes = await this.#source.read(name, MAX_NARINFO_BYTES)
    if (bytes === undefined) return undefined
    const where = `${this.uri}/${name}`
    const info = parseNarInfo(Buffer.from(bytes).toString('utf8'), where, this.dir)
    if (storePathHash(info.path) === hashPart) return info
    throw new DockerToolsError(
      'FORMAT_INVALID',
      `Cannot read narinfo "${where}": it is about "${info.path}", it should be about the path it is named for`,
    )
  }
}
