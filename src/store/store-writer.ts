import { lstatSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import { toByteString } from '#util'
import { sealNode } from './canonical-node.ts'
import type { LocalDatabase, Registration } from './local-database.ts'
import type { LocalLayout } from './local-layout.ts'
import { holdNixLock } from './nix-lock.ts'
import { outputsInFile } from './outputs-in-file.ts'
import { removeTree } from './remove-tree.ts'
import { cleanScratch, ScratchRoom } from './scratch-room.ts'
import { StoreLock } from './store-lock.ts'
import { storeError } from './store-error.ts'
import { storePathBaseName, type StorePath } from './store-path.ts'

/** A path that is whole and measured, and where it waits. */
export interface StagedPath {
  readonly physical: string
  readonly registration: Registration
}

/** What one process writes to a store with. */
export class StoreWriter implements Disposable {
  readonly room: ScratchRoom
  readonly #layout: LocalLayout
  readonly #database: LocalDatabase
  readonly #nixLock: Disposable

  private constructor(layout: LocalLayout, database: LocalDatabase, room: ScratchRoom, nixLock: Disposable) {
    this.#layout = layout
    this.#database = database
    this.room = room
    this.#nixLock = nixLock
  }

  /** Opens a store that is there, and cleans up after writers that were killed, unless others are at work. */
  static async open(layout: LocalLayout, database: LocalDatabase): Promise<StoreWriter> {
    const nixLock = await holdNixLock(layout.nixGcLock)
    try {
      using cleaning = StoreLock.tryAcquire(layout.gcLock, 'alone')
      if (cleaning !== undefined) cleanScratch(layout)
    } catch (error) {
      nixLock[Symbol.dispose]()
      throw storeError(`write to store "local:${layout.root}"`, error)
    }
    using _lock = await StoreLock.acquire(layout.gcLock, 'shared')
    return new StoreWriter(layout, database, ScratchRoom.open(layout), nixLock)
  }

  /** Keeps paths from collection, and gives those that are not there. */
  async keep(paths: readonly StorePath[]): Promise<StorePath[]> {
    try {
      using _lock = await StoreLock.acquire(this.#layout.gcLock, 'shared')
      for (const path of paths) this.room.addRoot(path)
      return paths.filter((path) => !this.#database.has(path))
    } catch (error) {
      throw storeError(`write to store "local:${this.#layout.root}"`, error)
    }
  }

  /**
   * Moves staged paths to their places and makes them valid, all at once. One
   * that is there already is left alone.
   *
   * @returns Those that are new.
   */
  async commit(staged: readonly StagedPath[]): Promise<readonly StorePath[]> {
    const trash: string[] = []
    const what = staged.map(({ registration }) => `"${registration.path}"`).join(', ')
    try {
      using _lock = await StoreLock.acquire(this.#layout.gcLock, 'shared')
      for (const { registration } of staged) this.room.addRoot(registration.path)
      return this.#database.transaction(`add ${what} to`, () => {
        const fresh = staged.filter(({ registration }) => !this.#database.has(registration.path))
        this.#checkReferences(fresh)
        for (const { physical, registration } of fresh) {
          const place = join(this.#layout.storeDir, storePathBaseName(registration.path))
          // Nothing registered is there: what is was left by somebody who was killed.
          if (isThere(place)) trash.push(this.room.takeAway(place))
          renameSync(physical, place)
          sealNode(toByteString(place))
        }
        this.#database.register(fresh.map(({ registration }) => registration))
        this.#registerOutputs(fresh)
        return fresh.map(({ registration }) => registration.path)
      })
    } catch (error) {
      throw storeError(`add ${what} to store "local:${this.#layout.root}"`, error)
    } finally {
      for (const path of trash) removeTree(path)
    }
  }

  [Symbol.dispose](): void {
    this.room[Symbol.dispose]()
    this.#nixLock[Symbol.dispose]()
  }

  #registerOutputs(fresh: readonly StagedPath[]): void {
    for (const { registration } of fresh) {
      const { path } = registration
      if (!path.endsWith('.drv')) continue
      const file = join(this.#layout.storeDir, storePathBaseName(path))
      this.#database.registerOutputs(path, outputsInFile(file, dirname(path)))
    }
  }

  #checkReferences(fresh: readonly StagedPath[]): void {
    const added = new Set(fresh.map(({ registration }) => registration.path))
    for (const { registration } of fresh) {
      const missing = registration.references.find((path) => !added.has(path) && !this.#database.has(path))
      if (missing === undefined) continue
      throw new DockerToolsError(
        'STORE_PATH_MISSING',
        `Cannot add "${registration.path}" to store "local:${this.#layout.root}": it refers to "${missing}", ` +
          'which should be in the store first',
      )
    }
  }
}

function isThere(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false
    throw error
  }
}
