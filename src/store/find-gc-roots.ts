import { lstatSync, readdirSync, readFileSync, readlinkSync, rmSync, type Stats } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { systemErrorCode } from '#errors'
import type { LocalLayout } from './local-layout.ts'
import { isStorePath, type StorePath } from './store-path.ts'

/** Far more than a folder of roots has levels. */
const MAX_DEPTH = 64

/**
 * The paths that have to stay: symlinks in the folders for roots and profiles,
 * symlinks that those point to, and what Nix processes at work have named.
 *
 * Links in `auto` whose own link is gone are removed, as Nix does it.
 *
 * @see nix `src/libstore/gc.cc`, `findRoots`
 */
export function findGcRoots(layout: LocalLayout, storeDir: string): Set<StorePath> {
  const finder = new RootFinder(layout, storeDir)
  finder.lookInto(layout.gcRoots)
  finder.lookInto(layout.profiles)
  return new Set([...finder.roots, ...nixTempRoots(layout)])
}

/**
 * What Nix processes that still run are about to use. Each has a file that is
 * named for it; one of a process that is gone counts for nothing.
 */
export function nixTempRoots(layout: LocalLayout): Set<StorePath> {
  const roots = new Set<StorePath>()
  for (const name of namesIn(layout.tempRoots)) {
    if (!/^\d{1,10}$/.test(name) || !isAlive(Number(name))) continue
    const text = ignoreMissing(() => readFileSync(join(layout.tempRoots, name), 'latin1')) ?? ''
    for (const path of text.split('\0')) if (path !== '') roots.add(path as StorePath)
  }
  return roots
}

class RootFinder {
  readonly roots = new Set<StorePath>()
  readonly #layout: LocalLayout
  readonly #storeDir: string

  constructor(layout: LocalLayout, storeDir: string) {
    this.#layout = layout
    this.#storeDir = storeDir
  }

  lookInto(folder: string): void {
    const pending = [{ folder, depth: 0 }]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const name of namesIn(next.folder)) {
        const path = join(next.folder, name)
        const stats = statsOf(path)
        if (stats?.isDirectory() === true && next.depth < MAX_DEPTH)
          pending.push({ folder: path, depth: next.depth + 1 })
        else if (stats?.isSymbolicLink() === true) this.#followLink(path)
        // Nix takes plain files by their names.
        else if (stats?.isFile() === true) this.#add(`${this.#storeDir}/${name}`)
      }
    }
  }

  #followLink(link: string): void {
    const target = targetOf(link)
    if (this.#add(target)) return
    const stats = statsOf(target)
    if (stats === undefined && dirname(link) === join(this.#layout.gcRoots, 'auto')) rmSync(link, { force: true })
    if (stats?.isSymbolicLink() === true) this.#add(targetOf(target))
  }

  /** Takes a store path, or a file below one, by its logical or its physical name. */
  #add(path: string): boolean {
    for (const folder of [this.#storeDir, this.#layout.storeDir]) {
      if (!path.startsWith(`${folder}/`)) continue
      const root = `${this.#storeDir}/${path.slice(folder.length + 1).split('/')[0]!}`
      if (!isStorePath(root, this.#storeDir)) continue
      this.roots.add(root)
      return true
    }
    return false
  }
}

function targetOf(link: string): string {
  return resolve(dirname(link), ignoreMissing(() => readlinkSync(link)) ?? '')
}

function namesIn(folder: string): string[] {
  return ignoreMissing(() => readdirSync(folder)) ?? []
}

function statsOf(path: string): Stats | undefined {
  return ignoreMissing(() => lstatSync(path))
}

function ignoreMissing<Result>(look: () => Result): Result | undefined {
  try {
    return look()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return undefined
    throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's process is alive as well.
    return systemErrorCode(error) !== 'ESRCH'
  }
}
