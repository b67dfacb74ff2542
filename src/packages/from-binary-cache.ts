import {
  argumentOf,
  type Built,
  isText,
  invalidArgument,
  makeBuilt,
  namedArguments,
  optionalOf,
  type RealiseSession,
} from '#derivation'
import { isStorePath, parseStorePath, type StorePath, storePathName } from '#store'
import { bringFromCache } from './bring-from-cache.ts'

/** Where a path is looked for that names no cache. */
export const PUBLIC_CACHE = 'https://cache.nixos.org'

/** Arguments of `fromBinaryCache`. */
export interface FromBinaryCacheArgs extends FromBinaryCacheOptions {
  /** A store path. */
  readonly path: string
}

/** Where the path is. */
export interface FromBinaryCacheOptions {
  /** `https://…`, `http://…` or `file:///…`. Default: the public Nix cache. */
  readonly cache?: string
}

/**
 * A store path, with all it refers to, from a binary cache. It is copied into
 * the local store, unless a store that is asked has it already; content and
 * signatures are checked as for every cache.
 *
 * @param path A store path.
 * @param options `cache`: `https://…`, `http://…` or `file:///…`; default `https://cache.nixos.org`.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is used, `STORE_PATH_INVALID`,
 *   `STORE_PATH_MISSING`, and what a binary cache throws.
 * @remarks Not in nixpkgs.
 *
 * @example A path of a cache in a folder
 * ```ts
 * import { pathToFileURL } from 'node:url'
 * import { fromBinaryCache, realise } from 'dockertools'
 *
 * const cache = pathToFileURL('examples/cache').href
 * const hello = fromBinaryCache('/nix/store/1rxj0f9d4h34pihxzxqrd5hn8yfhfb5f-hello-1.0', { cache })
 * console.log((await realise(hello, { stores: ['local:./result-store'], checkSignatures: false })).path)
 * ```
 */
export function fromBinaryCache(path: string, options?: FromBinaryCacheOptions): Built
export function fromBinaryCache(args: FromBinaryCacheArgs): Built
export function fromBinaryCache(given: string | FromBinaryCacheArgs, options?: FromBinaryCacheOptions): Built {
  const all = typeof given === 'string' ? { ...options, path: given } : given
  const args = namedArguments('fromBinaryCache', [all], [], ['path', 'cache'])
  const text = argumentOf('fromBinaryCache', args, 'path', isText, 'a store path')
  const cache = optionalOf('fromBinaryCache', args, 'cache', isText, 'a text') ?? PUBLIC_CACHE
  if (!/^(?:https?:\/\/|file:\/\/\/)/.test(cache)) {
    throw invalidArgument('fromBinaryCache', `argument "cache": it should be "https://…", "http://…" or "file:///…"`)
  }
  const pathIn = (session: RealiseSession): StorePath => parseStorePath(text, session.store.dir)
  return makeBuilt(
    nameOf(text),
    {},
    {
      name: text,
      outPath: (session) => Promise.resolve().then(() => pathIn(session)),
      async realise(session) {
        return await bringFromCache(session, `"${text}"`, { path: pathIn(session), cache })
      },
    },
  )
}

/** Which folder store paths are in is known only later. */
function nameOf(text: string): string {
  const folder = text.slice(0, Math.max(0, text.lastIndexOf('/')))
  return isStorePath(text, folder) ? storePathName(text) : text
}
