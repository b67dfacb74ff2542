import { DockerToolsError } from '#errors'
import { isStorePath, type StorePath } from '#store'
import { findPlaceholders } from './placeholder.ts'
import { isRealisable, type Realisable, type RealiseSession } from './realisable.ts'

/**
 * What a builder takes where nixpkgs takes a derivation or path: something to
 * be made, a store path or a file below one, text that begins with a
 * placeholder (`${hello}/share`), or a local path, absolute or starting with
 * `./` or `../`, which is added to the store.
 */
export type PathLike = string | Realisable

/** A path that is known. */
export interface UsedPath {
  /** A store path, or something below one. */
  readonly path: string
  /** The store path. */
  readonly root: StorePath
  /** What has to be made for it to be there. */
  readonly value: Realisable | undefined
}

/** Whether a value has the form of a path. */
export function isPathLike(value: unknown): value is PathLike {
  return isRealisable(value) || (typeof value === 'string' && /^(\/|\.\.?\/)/.test(value) && !value.includes('\0'))
}

/**
 * Says which store path an argument is; a local file is added to the store.
 *
 * @throws {DockerToolsError} `STORE_PATH_MISSING` for a store path that no
 *   store has; `FILE_UNREADABLE`, `STORE_PATH_INVALID` for a local one.
 */
export async function resolvePath(session: RealiseSession, given: PathLike): Promise<UsedPath> {
  if (isRealisable(given)) {
    const root = await session.outPath(given)
    return { path: root, root, value: given }
  }
  const [found] = findPlaceholders(given)
  if (found !== undefined && given.startsWith(found[0])) {
    const root = await session.outPath(found[1])
    return { path: root + given.slice(found[0].length), root, value: found[1] }
  }
  const { dir } = session.store
  if (!given.startsWith(`${dir}/`)) {
    const root = await session.addLocal(given)
    return { path: root, root, value: undefined }
  }
  const [base = ''] = given.slice(dir.length + 1).split('/', 1)
  const root = `${dir}/${base}`
  if (isStorePath(root, dir) && (await session.store.has(root))) return { path: given, root, value: undefined }
  throw new DockerToolsError('STORE_PATH_MISSING', `Cannot use "${given}": no store has it`, {
    hint: `The stores asked are: ${session.store.uri}`,
  })
}
