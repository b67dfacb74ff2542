import { lstatSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoreBind } from '#runner'
import type { Store, StorePath } from '#store'
import { unpackTree } from '#tree'

/**
 * Where each store path is on this machine: at its logical place, where the
 * store has it, or unpacked where it is nowhere.
 *
 * @param unpackedDirectory Where to unpack; not there yet, and made only if it is needed.
 */
export async function findBinds(
  visible: readonly StorePath[],
  store: Store,
  unpackedDirectory: string,
): Promise<StoreBind[]> {
  const binds: StoreBind[] = []
  let isMade = false
  for (const logical of visible) {
    let physical: string | undefined = isThere(logical) ? logical : await store.realPath(logical)
    if (physical === undefined) {
      if (!isMade) await mkdir(unpackedDirectory)
      isMade = true
      physical = join(unpackedDirectory, logical.slice(store.dir.length + 1))
      await unpackTree(store.entries(logical), physical)
    }
    const stats = lstatSync(physical)
    const kind = stats.isSymbolicLink() ? 'symlink' : stats.isDirectory() ? 'directory' : 'file'
    binds.push({ logical, physical, kind })
  }
  return binds
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
