import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DockerToolsError } from '#errors'
import { BinaryCacheStore } from './binary-cache-store.ts'
import { CompositeStore } from './composite-store.ts'
import { EmptyStore } from './empty-store.ts'
import { FileCacheSource } from './file-cache-source.ts'
import { GraphStore } from './graph-store.ts'
import { HttpCacheSource } from './http-cache-source.ts'
import { localRoot } from './local-layout.ts'
import { LocalStore } from './local-store.ts'
import { NixStore, openNixStore } from './nix-store.ts'
import type { Store } from './store.ts'
import { DEFAULT_STORE_DIR } from './store-path.ts'
import type { StoreOptions } from './store-options.ts'
import type { WritableStore } from './writable-store.ts'

const FORMS = '"auto", "nix", "local", "local:ROOT", "file:///FOLDER", "http://…", "https://…" or "graph:FILE"'

/**
 * Opens several stores as one: for each path, the first that has it answers.
 *
 * @param uris As for `openStore`; with none, `auto`.
 * @param own A local store that is open already, and taken where one of `uris` means it.
 */
export async function openStores(
  uris: readonly string[],
  options: StoreOptions = {},
  own?: WritableStore,
): Promise<Store> {
  const [first = 'auto', ...others] = uris
  const stores: [Store, ...Store[]] = [await open(first, options, own)]
  for (const uri of others) stores.push(await open(uri, options, own))
  return stores.length === 1 ? stores[0] : new CompositeStore(stores)
}

/**
 * Opens a store.
 *
 * @param uri `auto` (the machine's Nix store if there is one, then the local
 *   store if there is one), `nix`, `local` and `local:ROOT` (which has nothing
 *   where it has not been made yet), `file:///FOLDER` and `http(s)://…`
 *   (binary caches), or `graph:FILE` (a reference graph in JSON).
 * @throws {DockerToolsError} `USAGE` for another text, `STORE_UNAVAILABLE` if it cannot be opened.
 */
export async function openStore(uri: string, options: StoreOptions = {}): Promise<Store> {
  return await open(uri, options, undefined)
}

async function open(uri: string, options: StoreOptions, own: WritableStore | undefined): Promise<Store> {
  const dir = storeDirOf(options)
  if (uri === 'auto') return openAuto(dir, options, own)
  if (uri === 'nix') return openNixStore(dir, options)
  if (uri === 'local' || uri.startsWith('local:')) {
    const root = localRoot(uri, options.environment ?? process.env)
    return own?.root === root ? own : new LocalStore(root, dir, options)
  }
  if (uri.startsWith('graph:')) return openGraph(uri, dir)
  if (uri.startsWith('file:')) return openFileCache(uri, dir, options)
  if (/^https?:/.test(uri)) return openHttpCache(uri, dir, options)
  throw badUri(uri, `it should be ${FORMS}`)
}

/** The folder that store paths are named in. */
export function storeDirOf(options: StoreOptions): string {
  const environment = options.environment ?? process.env
  return checkStoreDir(options.storeDir ?? environment['NIX_STORE_DIR'] ?? DEFAULT_STORE_DIR)
}

/** What this machine has. A local store that nobody has written to is not made by looking. */
function openAuto(dir: string, options: StoreOptions, own: WritableStore | undefined): Store {
  const root = localRoot('local', options.environment ?? process.env)
  const nix = NixStore.find(dir, options)
  const isThere = LocalStore.exists(root)
  const local = own?.root === root ? own : isThere ? new LocalStore(root, dir, options) : undefined
  if (nix === undefined || local === undefined) return nix ?? local ?? new EmptyStore(dir)
  return new CompositeStore([nix, local])
}

async function openGraph(uri: string, dir: string): Promise<Store> {
  const file = uri.slice('graph:'.length)
  if (file === '') throw badUri(uri, 'it names no file, it should be "graph:FILE"')
  return GraphStore.open(resolve(file), dir)
}

async function openFileCache(uri: string, dir: string, options: StoreOptions): Promise<Store> {
  if (!uri.startsWith('file:///')) throw badUri(uri, 'its folder should be absolute, as in "file:///FOLDER"')
  const url = parseUrl(uri)
  return BinaryCacheStore.open(new FileCacheSource(uri.replace(/\/+$/, ''), fileURLToPath(url)), dir, options)
}

async function openHttpCache(uri: string, dir: string, options: StoreOptions): Promise<Store> {
  const base = parseUrl(uri).href.replace(/\/+$/, '')
  return BinaryCacheStore.open(new HttpCacheSource(base, options.signal), dir, options)
}

/** Nix takes settings in a store's query; what they would change is not ours to ignore. */
function parseUrl(uri: string): URL {
  const url = URL.canParse(uri) ? new URL(uri) : undefined
  if (url === undefined) throw badUri(uri, 'it is no URL, it should be one')
  if (url.search === '' && url.hash === '') return url
  throw badUri(`${url.protocol}//${url.host}${url.pathname}`, 'it has a query or fragment, it should have none')
}

function checkStoreDir(dir: string): string {
  if (dir.startsWith('/') && resolve(dir) === dir) return dir
  throw new DockerToolsError(
    'USAGE',
    `Cannot use store folder "${dir}": it should be absolute, with no "." or ".." and no "/" at its end`,
  )
}

function badUri(uri: string, fault: string): DockerToolsError {
  return new DockerToolsError('USAGE', `Cannot open store ${JSON.stringify(uri.slice(0, 300))}: ${fault}`)
}
