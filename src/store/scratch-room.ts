import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { join } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import type { LocalLayout } from './local-layout.ts'
import { removeTree } from './remove-tree.ts'
import { StoreLock } from './store-lock.ts'
import type { StorePath } from './store-path.ts'

const LOCK = 'lock'
const ROOTS = 'roots'
/** More than any process adds. */
const MAX_ROOTS_BYTES = 256 * 1024 * 1024

const open = new Set<ScratchRoom>()
let exitHookSet = false

/**
 * A writer's own folder, on the disk of the store: for what is not whole yet,
 * for what is to be deleted, and with the list of paths that the writer is
 * still about to use. It is locked as long as the writer lives.
 */
export class ScratchRoom implements Disposable {
  /** The disk it is on, as the system numbers them. */
  readonly device: number
  readonly #path: string
  readonly #lock: StoreLock
  readonly #roots = new Set<StorePath>()
  #rootsBytes = 0
  #count = 0

  private constructor(path: string, lock: StoreLock) {
    this.#path = path
    this.device = lstatSync(path).dev
    this.#lock = lock
    open.add(this)
    if (exitHookSet) return
    exitHookSet = true
    process.once('exit', disposeAll)
  }

  /** Must be called with the lock against collection held. */
  static open(layout: LocalLayout): ScratchRoom {
    const path = mkdtempSync(join(layout.scratchDir, 'writer-'))
    const lock = StoreLock.tryAcquire(join(path, LOCK), 'alone')
    if (lock !== undefined) return new ScratchRoom(path, lock)
    throw new DockerToolsError('INTERNAL', `Cannot lock "${path}": somebody else has, nobody else should know it`)
  }

  /** A path where nothing is, for something new. */
  freshPath(): string {
    this.#count++
    return join(this.#path, String(this.#count))
  }

  /** Keeps `path` from being collected as long as this room is there. The lock against collection is held. */
  addRoot(path: StorePath): void {
    if (this.#roots.has(path)) return
    const [file, text] = [join(this.#path, ROOTS), `${path}\0`]
    try {
      appendFileSync(file, text)
    } catch (error) {
      // On a full disk a part of it may have been written, which would spoil the next.
      if (existsSync(file)) truncateSync(file, this.#rootsBytes)
      throw error
    }
    this.#rootsBytes += Buffer.byteLength(text)
    this.#roots.add(path)
  }

  /** Moves what is at `path` in the store here, so that it can be deleted in peace; gives where it is now. */
  takeAway(path: string): string {
    const place = this.freshPath()
    // To move a folder, its owner has to be allowed to write it.
    if (lstatSync(path).isDirectory()) chmodSync(path, 0o700)
    renameSync(path, place)
    return place
  }

  [Symbol.dispose](): void {
    if (!open.delete(this)) return
    // The lock last: while it is held nobody else cleans up here.
    removeTree(this.#path)
    this.#lock[Symbol.dispose]()
  }
}

/** A process that ends in an orderly way, if early, leaves nothing to be cleaned up. */
function disposeAll(): void {
  for (const room of open) {
    try {
      room[Symbol.dispose]()
    } catch {
      // The process is about to end: what cannot be removed now is removed by the next writer.
    }
  }
}

/**
 * Removes the rooms of writers that were killed, and gives the paths that the
 * living still use. The lock against collection is held alone.
 */
export function cleanScratch(layout: LocalLayout): Set<StorePath> {
  const roots = new Set<StorePath>()
  if (!existsSync(layout.scratchDir)) return roots
  for (const name of readdirSync(layout.scratchDir)) {
    const room = join(layout.scratchDir, name)
    const lock = existsSync(join(room, LOCK)) ? StoreLock.tryAcquire(join(room, LOCK), 'alone') : 'none'
    if (lock !== undefined) {
      removeTree(room)
      if (lock !== 'none') lock[Symbol.dispose]()
      continue
    }
    for (const path of readRoots(join(room, ROOTS))) roots.add(path)
  }
  return roots
}

function readRoots(file: string): readonly StorePath[] {
  try {
    if (statSync(file).size > MAX_ROOTS_BYTES) {
      throw new DockerToolsError(
        'LIMIT_EXCEEDED',
        `Cannot read "${file}": it is larger than the limit of ${MAX_ROOTS_BYTES} bytes`,
      )
    }
    // What stands behind the last NUL is empty.
    return readFileSync(file, 'latin1').split('\0').slice(0, -1) as StorePath[]
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return []
    throw error
  }
}
