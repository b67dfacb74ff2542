import { DockerToolsError } from '#errors'
import { type ByteString, byteStringToText } from '#util'
import { sortNames } from './name-order.ts'
import type { TreeKind } from './tree-entry.ts'

/** A file of a copied tree; `body` says where its content is, in the caller's terms. */
export type CopiedEntry<B> = {
  /** Relative to the root, components joined by `/`; empty for the root itself. */
  readonly path: ByteString
  readonly mode: number
} & (TreeKind | { readonly type: 'file'; readonly size: number; readonly body: B })

type Leaf<B> = Exclude<CopiedEntry<B>, { readonly type: 'directory' | 'fifo' | 'socket' }> | Special
type Special = { readonly path: ByteString; readonly mode: number; readonly type: 'fifo' | 'socket' }
interface Directory<B> {
  mode: number
  readonly children: Map<ByteString, Directory<B> | Leaf<B>>
}

const MAX_LINK_HOPS = 40

/**
 * A tree in memory that other trees are copied into one after the other, as
 * `rsync -a` copies: directories are merged, their modes are those of the last
 * copy, and of files with one name the last stays.
 */
export class CopiedTree<B> {
  readonly #root: Directory<B>
  readonly #keepDirlinks: boolean

  /**
   * @param rootMode Mode of the root until something is copied over it.
   * @param keepDirlinks Whether a symlink to a directory that is there stays when a directory of its name is copied,
   *   whose files then go to where the symlink leads (`rsync -K`). Otherwise the directory takes its place.
   */
  constructor(rootMode: number, keepDirlinks: boolean) {
    this.#root = { mode: rootMode, children: new Map() }
    this.#keepDirlinks = keepDirlinks
  }

  /** Adds mode bits to the root. */
  addRootMode(bits: number): void {
    this.#root.mode |= bits
  }

  /**
   * Copies a tree over this one.
   *
   * @param source Names it in errors.
   * @param entries The root first, each directory before what is in it.
   * @throws {DockerToolsError} `FILE_TYPE_UNSUPPORTED` where a file or symlink would have to take the place of a
   *   directory with something in it, or a directory to go through an absolute symlink: rsync refuses both.
   */
  async copy(source: string, entries: Iterable<CopiedEntry<B>> | AsyncIterable<CopiedEntry<B>>): Promise<void> {
    const directories = new Map<string, Directory<B>>()
    for await (const entry of entries) {
      if (entry.path === '') {
        if (entry.type !== 'directory') throw refused(source, entry.path, `it is a ${entry.type}, not a folder`)
        this.#root.mode = entry.mode
        directories.set('', this.#root)
        continue
      }
      const slash = entry.path.lastIndexOf('/')
      const parent = directories.get(slash === -1 ? '' : entry.path.slice(0, slash))
      if (parent === undefined) {
        throw new DockerToolsError('INTERNAL', `Cannot copy "${byteStringToText(entry.path)}": its folder did not come`)
      }
      const name = entry.path.slice(slash + 1) as ByteString
      if (entry.type === 'directory') directories.set(entry.path, this.#directory(source, parent, name, entry))
      else {
        const there = parent.children.get(name)
        if (there !== undefined && 'children' in there && there.children.size > 0) {
          throw refused(source, entry.path, 'an earlier item has a folder there that is not empty')
        }
        parent.children.set(name, entry as Leaf<B>)
      }
    }
  }

  /** All entries, the root first, each directory followed by what is in it, siblings by bytes. */
  *entries(): Generator<CopiedEntry<B>> {
    const stack = [{ path: '' as ByteString, node: this.#root as Directory<B> | Leaf<B> }]
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const { path, node } = top
      if (!('children' in node)) {
        yield { ...node, path }
        continue
      }
      yield { path, mode: node.mode, type: 'directory' }
      const prefix = path === '' ? '' : `${path}/`
      for (const name of sortNames([...node.children.keys()], 'bytes').toReversed()) {
        const child = node.children.get(name)
        if (child !== undefined) stack.push({ path: `${prefix}${name}` as ByteString, node: child })
      }
    }
  }

  #directory(source: string, parent: Directory<B>, name: ByteString, entry: CopiedEntry<B>): Directory<B> {
    const there = parent.children.get(name)
    const merged =
      there === undefined ? undefined : 'children' in there ? there : this.#throughLink(source, entry, parent, there)
    if (merged !== undefined) {
      merged.mode = entry.mode
      return merged
    }
    const fresh: Directory<B> = { mode: entry.mode, children: new Map() }
    parent.children.set(name, fresh)
    return fresh
  }

  /** The directory of this tree that a symlink leads to, where such symlinks are kept. */
  #throughLink(source: string, entry: CopiedEntry<B>, parent: Directory<B>, there: Leaf<B>): Directory<B> | undefined {
    if (!this.#keepDirlinks || there.type !== 'symlink') return undefined
    const trail = this.#trailOf(parent)
    const pending = partsOf(there.target)
    if (there.target.startsWith('/')) {
      throw refused(source, entry.path, `an earlier item has a link to "${byteStringToText(there.target)}" there`)
    }
    for (let hops = 0; pending.length > 0;) {
      const part = pending.shift() ?? ''
      if (part === '..') {
        if (trail.length === 1) return undefined
        trail.pop()
        continue
      }
      const next = trail.at(-1)?.children.get(part as ByteString)
      if (next === undefined) return undefined
      if ('children' in next) trail.push(next)
      else if (next.type !== 'symlink' || next.target.startsWith('/') || ++hops > MAX_LINK_HOPS) return undefined
      else pending.unshift(...partsOf(next.target))
    }
    return trail.at(-1)
  }

  /** The directories from the root down to this one. */
  #trailOf(wanted: Directory<B>): Directory<B>[] {
    const stack: Directory<B>[][] = [[this.#root]]
    for (let trail = stack.pop(); trail !== undefined; trail = stack.pop()) {
      const last = trail.at(-1)
      if (last === wanted) return trail
      for (const child of last?.children.values() ?? []) if ('children' in child) stack.push([...trail, child])
    }
    return [this.#root]
  }
}

function partsOf(target: ByteString): string[] {
  return target.split('/').filter((part) => part !== '' && part !== '.')
}

function refused(source: string, path: ByteString, reason: string): DockerToolsError {
  return new DockerToolsError(
    'FILE_TYPE_UNSUPPORTED',
    `Cannot copy "${source}${path === '' ? '' : `/${byteStringToText(path)}`}" into the image: ${reason}`,
  )
}
