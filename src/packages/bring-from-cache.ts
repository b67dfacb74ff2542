import type { RealiseSession } from '#derivation'
import { DockerToolsError, IntegrityError } from '#errors'
import { formatHash, type Hash, hashesEqual, openStore, type Store, type StorePath } from '#store'

/** A path and where it is to be had. */
export interface CachedPath {
  readonly path: StorePath
  /** A store as `--store` takes it. */
  readonly cache: string
  /** What the content should be, where that is known beforehand: sha256 of the NAR. */
  readonly narHash?: Hash
}

/**
 * Makes sure that a store of the session has a path with all it refers to;
 * where none has, it is copied from the cache into the local store.
 *
 * @param what Names the path in errors, for example `package "hello"`.
 * @throws {IntegrityError} `DIGEST_MISMATCH` where the content is another than `narHash` says;
 *   `SIGNATURE_INVALID`.
 * @throws {DockerToolsError} `STORE_PATH_MISSING` if the cache does not have it either.
 */
export async function bringFromCache(session: RealiseSession, what: string, wanted: CachedPath): Promise<StorePath> {
  const { path, cache } = wanted
  if (await session.store.has(path)) {
    await checkContent(session.store, what, wanted)
    return path
  }
  const store = await session.once(`cache ${cache}`, () => openStore(cache, session.storeOptions))
  if (!(await store.has(path))) {
    throw new DockerToolsError('STORE_PATH_MISSING', `Cannot get ${what}: "${store.uri}" does not have "${path}"`, {
      hint: 'Check the path, or name the binary cache that has it',
    })
  }
  await checkContent(store, what, wanted)
  await session.once(`from ${cache} ${path}`, () => session.writable.copyClosure(store, [path]))
  return path
}

/** The store says what the content is, and checks that when it is read. */
async function checkContent(store: Store, what: string, { path, narHash }: CachedPath): Promise<void> {
  if (narHash === undefined) return
  const info = await store.pathInfo(path)
  if (hashesEqual(info.narHash, narHash)) return
  const [actual, expected] = [formatHash(info.narHash, 'sri'), formatHash(narHash, 'sri')]
  throw new IntegrityError(
    'DIGEST_MISMATCH',
    `Cannot get ${what}: "${path}" has the NAR hash ${actual} in "${store.uri}", it should be ${expected}`,
    { actual, expected, hint: 'Correct the lock file, if it is the one that is wrong' },
  )
}
