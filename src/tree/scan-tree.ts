import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs'
import type { ByteString } from '#util'
import { toFsPath } from '#util'
import { sortNames, type TreeOrder } from './name-order.ts'
import { scanError } from './scan-error.ts'
import type { TreeKind } from './tree-entry.ts'

/** One file on disk with what its change can be told by. */
export type ScannedEntry = {
  /** Relative to the root, components joined by `/`; empty for the root itself. */
  readonly path: ByteString
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number
  /** Bytes; what the system says for files that have no content too. */
  readonly size: number
  readonly ino: number
  readonly dev: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  /** Milliseconds since 1970, with a fraction. */
  readonly ctimeMs: number
} & (TreeKind | { readonly type: 'file' })

/** How a tree is scanned. */
export interface ScanOptions {
  readonly order: TreeOrder
  /** Whether a file below the root counts; what is below a directory that does not is not looked at. Default: all do. */
  readonly includes?: (entry: ScannedEntry) => boolean
}

const TYPE_MASK = 0o170000
const PERMISSION_MASK = 0o7777
const DIRECTORY = 0o040000
const SYMLINK = 0o120000

interface OpenDirectory {
  /** What the paths of its entries begin with: empty, or with a slash at the end. */
  readonly prefix: ByteString
  readonly names: readonly ByteString[]
  next: number
}

/**
 * Lists the files under `root`, itself first, each directory before its
 * content. Symlinks are not followed, not even the root.
 *
 * It is synchronous because that is three to four times faster; run it in a
 * worker thread where the tree is large. Of the tree only the names in the
 * directories above the current one are held.
 *
 * @throws {DockerToolsError} `FILE_UNREADABLE` if the root is missing or
 *   something cannot be read; `FILE_CHANGED` if a file is gone, or of another
 *   type, after its directory was listed.
 */
export function* scanTree(root: ByteString, options: ScanOptions): Generator<ScannedEntry> {
  const base = (root.endsWith('/') ? root : `${root}/`) as ByteString
  const first = scanOne(root, '' as ByteString, true)
  yield first
  if (first.type !== 'directory') return
  const stack = [openDirectory(root, '' as ByteString, options.order)]
  for (let directory = stack.at(-1); directory !== undefined; directory = stack.at(-1)) {
    const name = directory.names[directory.next]
    if (name === undefined) {
      stack.pop()
      continue
    }
    directory.next++
    const path = (directory.prefix + name) as ByteString
    const onDisk = (base + path) as ByteString
    const entry = scanOne(onDisk, path, false)
    if (options.includes?.(entry) === false) continue
    yield entry
    if (entry.type === 'directory') stack.push(openDirectory(onDisk, `${path}/` as ByteString, options.order))
  }
}

function openDirectory(onDisk: ByteString, prefix: ByteString, order: TreeOrder): OpenDirectory {
  try {
    const names = readdirSync(toFsPath(onDisk), { encoding: 'latin1' }) as ByteString[]
    return { prefix, names: sortNames(names, order), next: 0 }
  } catch (error) {
    throw scanError('list the directory', onDisk, error, false)
  }
}

function scanOne(onDisk: ByteString, path: ByteString, isRoot: boolean): ScannedEntry {
  const fsPath = toFsPath(onDisk)
  let stats: Stats
  try {
    stats = lstatSync(fsPath)
  } catch (error) {
    throw scanError('read', onDisk, error, isRoot)
  }
  const { mode, size, ino, dev, nlink, uid, gid, ctimeMs } = stats
  const facts = { path, mode: mode & PERMISSION_MASK, size, ino, dev, nlink, uid, gid, ctimeMs }
  switch (mode & TYPE_MASK) {
    case DIRECTORY:
      return { ...facts, type: 'directory' }
    case SYMLINK:
      return { ...facts, type: 'symlink', target: readTarget(fsPath, onDisk) }
    case 0o010000:
      return { ...facts, type: 'fifo' }
    case 0o140000:
      return { ...facts, type: 'socket' }
    case 0o020000:
      return { ...facts, type: 'char', ...deviceNumbers(stats.rdev) }
    case 0o060000:
      return { ...facts, type: 'block', ...deviceNumbers(stats.rdev) }
    default:
      return { ...facts, type: 'file' }
  }
}

function readTarget(fsPath: string | Buffer, onDisk: ByteString): ByteString {
  try {
    return readlinkSync(fsPath, { encoding: 'latin1' }) as ByteString
  } catch (error) {
    throw scanError('read the symlink', onDisk, error, false)
  }
}

/** Linux packs 12 + 20 bits of the two numbers into the low 32, and the rest above. */
function deviceNumbers(rdev: number): { readonly major: number; readonly minor: number } {
  const low = rdev % 2 ** 32
  const high = Math.floor(rdev / 2 ** 32)
  const major = (Math.floor(low / 2 ** 8) % 2 ** 12) + Math.floor(high / 2 ** 12) * 2 ** 12
  const minor = (low % 2 ** 8) + Math.floor(low / 2 ** 20) * 2 ** 8 + (high % 2 ** 12) * 2 ** 20
  return { major, minor }
}
