import { lstatSync } from 'node:fs'
import { DockerToolsError } from '#errors'
import type { LayerRoot, StreamedRoot } from '#layer'
import { isStorePath } from '#store'
import { treeEntries } from '#tree'
import { toByteString } from '#util'
import type { BuildContext } from './build-context.ts'

/** Where the content of a store path is: as a stream, and on disk where it is there. */
export interface LocatedPath {
  readonly streamed: StreamedRoot
  readonly onDisk: LayerRoot | undefined
}

/**
 * Finds the content of a path.
 *
 * @param preferDisk Whether what is on disk at the path itself goes before what the stores have.
 * @throws {DockerToolsError} `STORE_PATH_MISSING`.
 */
export async function locatePath(path: string, preferDisk: boolean, context: BuildContext): Promise<LocatedPath> {
  const { store, sources } = context
  const logical = toByteString(path)
  const isOnDisk = (): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined
  if (preferDisk && isOnDisk()) return atItsPlace(path)
  if (isStorePath(path, store.dir) && (await store.has(path))) {
    const physical = await store.realPath(path)
    const canonicalModes = sources.isSource(path)
    return {
      streamed: { logical, open: () => store.entries(path) },
      onDisk: physical === undefined ? undefined : { logical, physical: toByteString(physical), canonicalModes },
    }
  }
  throw new DockerToolsError('STORE_PATH_MISSING', `Cannot find "${path}": it is not on disk, and no store has it`, {
    hint: `The stores asked are: ${store.uri}. Give others with --store`,
  })
}

function atItsPlace(path: string): LocatedPath {
  const logical = toByteString(path)
  return {
    streamed: { logical, open: () => treeEntries(logical, 'bytes') },
    onDisk: { logical, physical: logical, canonicalModes: false },
  }
}
