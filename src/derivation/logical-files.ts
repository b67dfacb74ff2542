import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs'
import { type StorePath } from '#store'
import { type ByteString, bytesToByteString, compareByteStrings, toByteString, toFsPath } from '#util'

/** As many as Linux follows. */
const MAX_LINKS = 40

/** Files of store paths under their logical names, wherever they are: links lead from one path to another. */
export class LogicalFiles {
  readonly #places: ReadonlyMap<string, ByteString>
  readonly #storeDir: string

  /** @param places Where store paths are on disk. Nothing else is there. */
  constructor(places: ReadonlyMap<StorePath, string>, storeDir: string) {
    this.#places = new Map([...places].map(([path, physical]) => [path, toByteString(physical)]))
    this.#storeDir = storeDir
  }

  /** Where the path leads to when all links are followed; undefined where that is nowhere. */
  resolve(path: ByteString): ByteString | undefined {
    const pending = split(path).toReversed()
    let done: string[] = []
    let links = 0
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      if (part === '..') {
        done.pop()
        continue
      }
      done.push(part)
      const here = `/${done.join('/')}` as ByteString
      const stats = this.#lstat(here)
      if (stats === undefined) return undefined
      if (stats === 'folder' || !stats.isSymbolicLink()) continue
      links++
      if (links > MAX_LINKS) return undefined
      const target = bytesToByteString(readlinkSync(toFsPath(this.#physical(here)!), { encoding: 'buffer' }))
      if (target.startsWith('/')) done = []
      else done.pop()
      pending.push(...split(target).toReversed())
    }
    return `/${done.join('/')}` as ByteString
  }

  /** What the path leads to. */
  stat(path: ByteString): Stats | undefined {
    const resolved = this.resolve(path)
    const stats = resolved === undefined ? undefined : this.#lstat(resolved)
    return stats === 'folder' ? undefined : stats
  }

  isFolder(path: ByteString): boolean {
    return this.stat(path)?.isDirectory() === true
  }

  /** Whether the last part of the path is a link itself. */
  isLink(path: ByteString): boolean {
    const slash = path.lastIndexOf('/')
    const parent = this.resolve(path.slice(0, slash) as ByteString)
    if (parent === undefined) return false
    const stats = this.#lstat(`${parent}/${path.slice(slash + 1)}` as ByteString)
    return stats !== undefined && stats !== 'folder' && stats.isSymbolicLink()
  }

  /** Names in a folder, sorted by bytes. */
  list(path: ByteString): ByteString[] {
    const names = readdirSync(toFsPath(this.#physical(this.resolve(path)!)!), { encoding: 'buffer' })
    return names.map(bytesToByteString).toSorted(compareByteStrings)
  }

  /** A file's content, or undefined where there is none. */
  read(path: ByteString): Buffer | undefined {
    const resolved = this.resolve(path)
    if (resolved === undefined || this.stat(resolved)?.isFile() !== true) return undefined
    return readFileSync(toFsPath(this.#physical(resolved)!))
  }

  #lstat(path: ByteString): Stats | 'folder' | undefined {
    if (path === this.#storeDir || this.#storeDir.startsWith(`${path}/`)) return 'folder'
    const physical = this.#physical(path)
    return physical === undefined ? undefined : lstatSync(toFsPath(physical), { throwIfNoEntry: false })
  }

  #physical(path: ByteString): ByteString | undefined {
    if (!path.startsWith(`${this.#storeDir}/`)) return undefined
    const end = path.indexOf('/', this.#storeDir.length + 1)
    const root = end === -1 ? path : path.slice(0, end)
    const place = this.#places.get(root)
    return place === undefined ? undefined : (`${place}${path.slice(root.length)}` as ByteString)
  }
}

function split(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.')
}
