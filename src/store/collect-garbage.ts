import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { findGcRoots, nixTempRoots } from './find-gc-roots.ts'
import type { LocalDatabase, RegisteredNode } from './local-database.ts'
import type { LocalLayout } from './local-layout.ts'
import { removeTree } from './remove-tree.ts'
import { cleanScratch, type ScratchRoom } from './scratch-room.ts'
import { StoreLock } from './store-lock.ts'
import { storeError } from './store-error.ts'
import { compareStorePaths, isStorePath, storePathBaseName, type StorePath } from './store-path.ts'
import type { GarbageOptions, GarbageReport } from './writable-store.ts'

/** What a collection works on. */
export interface GarbageSite {
  readonly layout: LocalLayout
  readonly storeDir: string
  readonly database: LocalDatabase
  /** Where what is deleted goes first. */
  readonly room: ScratchRoom
}

/**
 * Deletes every path that no root reaches, and what killed processes have left.
 *
 * Paths are forgotten before their files go, so whenever this is killed, what
 * is registered is whole. Files are only moved while others wait, and deleted
 * afterwards.
 */
export async function collectGarbage(site: GarbageSite, { isDryRun = false }: GarbageOptions): Promise<GarbageReport> {
  const { layout, storeDir, database, room } = site
  const trash: string[] = []
  try {
    using _lock = await StoreLock.acquire(layout.gcLock, 'alone')
    const roots = new Set([...findGcRoots(layout, storeDir), ...cleanScratch(layout)])
    const dead = database.transaction('collect garbage in', () => {
      const found = findDead(database.nodes(), roots)
      if (!isDryRun) database.forget(found.map(({ path }) => path))
      return found
    })
    const deadNames = new Set(dead.map(({ path }) => storePathBaseName(path)))
    const strays = findStrays(site, deadNames)
    if (!isDryRun) {
      database.transaction('collect garbage in', () => {
        for (const name of [...deadNames, ...strays]) {
          const path = `${storeDir}/${name}`
          // A real Nix may have added it again a moment ago.
          if (isStorePath(path, storeDir) && database.has(path)) continue
          takeAway(room, join(layout.storeDir, name), trash)
        }
      })
    }
    return {
      paths: dead.map(({ path }) => path).toSorted(compareStorePaths),
      narBytes: dead.reduce((sum, { narSize }) => sum + narSize, 0),
      strayCount: strays.length,
    }
  } catch (error) {
    throw storeError(`collect garbage in store "local:${layout.root}"`, error)
  } finally {
    for (const path of trash) removeTree(path)
  }
}

function findDead(nodes: ReadonlyMap<StorePath, RegisteredNode>, roots: ReadonlySet<StorePath>): RegisteredNode[] {
  const live = new Set<StorePath>()
  const pending = [...roots]
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (live.has(path)) continue
    live.add(path)
    pending.push(...(nodes.get(path)?.references ?? []))
  }
  return [...nodes.values()].filter(({ path }) => !live.has(path))
}

/** Names in the store folder that nothing registered has, that nobody is at work on, and that are no lock of Nix's. */
function findStrays({ layout, storeDir, database }: GarbageSite, deadNames: ReadonlySet<string>): string[] {
  const inUse = nixTempRoots(layout)
  return readdirSync(layout.storeDir).filter((name) => {
    if (name === '.links' || name.endsWith('.lock') || deadNames.has(name)) return false
    const path = `${storeDir}/${name}`
    return !isStorePath(path, storeDir) || (!inUse.has(path) && !database.has(path))
  })
}

function takeAway(room: ScratchRoom, path: string, trash: string[]): void {
  try {
    trash.push(room.takeAway(path))
  } catch (error) {
    // A path that was registered and is not on disk: what should go is gone.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}
