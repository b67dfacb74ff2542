import { DockerToolsError } from '#errors'
import { treeEntries, type TreeEntry } from '#tree'
import { type ByteString, byteStringToText, compareByteStrings, toByteString } from '#util'
import { normalizePath } from './normalize-path.ts'

type Node =
  | { readonly type: 'directory'; readonly children: Map<ByteString, Node> }
  | { readonly type: 'file'; readonly onDisk: ByteString; readonly isShared: boolean }
  | { readonly type: 'symlink'; readonly target: ByteString }

/** A small root: files of this machine at the places where they are. */
export class HostTree {
  readonly #root: Extract<Node, { type: 'directory' }> = { type: 'directory', children: new Map() }
  readonly #folder: string

  /** @param storeFolder Where store paths are: what is there already is taken from there. */
  constructor(storeFolder: string) {
    this.#folder = `${storeFolder}/`
  }

  /**
   * Takes a file in. It stands where it really is.
   *
   * @throws {DockerToolsError} `DEFINITION_INVALID` for a file that is in a Nix store.
   */
  addFile(realPath: ByteString): void {
    this.addFileAt(realPath, realPath)
  }

  /** Takes a file in at another place. */
  addFileAt(place: ByteString, realPath: ByteString): void {
    this.#refuseStore(realPath)
    this.#place(place, { type: 'file', onDisk: realPath, isShared: false })
  }

  /** Takes in a file that other programs have as well: it becomes a store path of its own, and a symlink to that here. */
  addShared(realPath: ByteString): void {
    this.#refuseStore(realPath)
    this.#place(realPath, { type: 'file', onDisk: realPath, isShared: true })
  }

  /** The shared files. */
  sharedFiles(): readonly ByteString[] {
    const found: ByteString[] = []
    const rest: Node[] = [this.#root]
    for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
      if (node.type === 'directory') rest.push(...node.children.values())
      else if (node.type === 'file' && node.isShared) found.push(node.onDisk)
    }
    return found.toSorted(compareByteStrings)
  }

  /** Makes a file, or folder, that is taken in be there by another name as well. */
  addAlias(path: ByteString, realPath: ByteString): void {
    const place = normalizePath(path)
    if (place === realPath || this.#isFileAt(place, realPath)) return
    this.#place(place, { type: 'symlink', target: relativePath(place, realPath) })
  }

  /** Takes in a symlink as it is. */
  addSymlink(path: ByteString, target: ByteString): void {
    this.#place(path, { type: 'symlink', target })
  }

  /** Takes in a folder, though there be nothing in it. */
  addFolder(path: ByteString): void {
    this.#refuseStore(path)
    this.#place(path, { type: 'directory', children: new Map() })
  }

  /**
   * The tree in the order of a NAR.
   *
   * @param shared Where the shared files are.
   */
  async *entries(shared: ReadonlyMap<ByteString, ByteString> = new Map()): AsyncGenerator<TreeEntry> {
    const stack: { readonly path: ByteString; readonly node: Node }[] = [{ path: toByteString(''), node: this.#root }]
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const { path, node } = top
      if (node.type === 'symlink') yield { type: 'symlink', path, mode: 0o777, target: node.target }
      else if (node.type === 'file') {
        const target = node.isShared ? shared.get(node.onDisk) : undefined
        if (target === undefined) yield await fileEntry(path, node.onDisk)
        else yield { type: 'symlink', path, mode: 0o777, target }
      } else {
        // The store makes it read-only when it has its place: a folder that nobody may write to cannot be moved.
        yield { type: 'directory', path, mode: 0o755 }
        const names = [...node.children.keys()].toSorted(compareByteStrings).toReversed()
        const prefix = path === '' ? '' : `${path}/`
        for (const name of names) stack.push({ path: (prefix + name) as ByteString, node: node.children.get(name)! })
      }
    }
  }

  #isFileAt(place: ByteString, realPath: ByteString): boolean {
    const existing = this.#find(place)
    return existing?.type === 'file' && existing.onDisk === realPath
  }

  #find(path: ByteString): Node | undefined {
    let node: Node | undefined = this.#root
    for (const name of path.split('/').filter((part) => part !== '') as ByteString[]) {
      node = node?.type === 'directory' ? node.children.get(name) : undefined
    }
    return node
  }

  #place(path: ByteString, node: Node): void {
    const parts = path.split('/').filter((part) => part !== '') as ByteString[]
    const name = parts.pop()
    if (name === undefined) return
    let folder = this.#root
    for (const part of parts) {
      const next: Node = folder.children.get(part) ?? { type: 'directory', children: new Map() }
      if (next.type !== 'directory') throw conflict(path)
      folder.children.set(part, next)
      folder = next
    }
    const existing = folder.children.get(name)
    const isMoreOwn = existing?.type === 'file' && node.type === 'file' && existing.isShared && isSame(existing, node)
    // What is also asked for by itself has to be a file here.
    if (existing === undefined || isMoreOwn) folder.children.set(name, node)
    else if (!isSame(existing, node)) throw conflict(path)
  }

  #refuseStore(realPath: ByteString): void {
    if (!realPath.startsWith(this.#folder)) return
    const path = byteStringToText(realPath)
    const [base = ''] = path.slice(this.#folder.length).split('/')
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot take "${path}" from this machine: it is in the Nix store, it should be given as a store path`,
      { hint: `Use the store path "${this.#folder}${base}" itself, it has what it needs` },
    )
  }
}

/** A file as the only, or one, entry of a tree. */
export async function fileEntry(path: ByteString, onDisk: ByteString): Promise<TreeEntry> {
  for await (const entry of treeEntries(onDisk, 'bytes')) return { ...entry, path }
  throw new DockerToolsError('INTERNAL', `Cannot read "${byteStringToText(onDisk)}": it has no entry`)
}

function isSame(a: Node, b: Node): boolean {
  if (a.type === 'directory') return b.type === 'directory'
  if (a.type === 'file') return b.type === 'file' && a.onDisk === b.onDisk
  return b.type === 'symlink' && a.target === b.target
}

/** The way from the folder of `from` to `to`. */
function relativePath(from: ByteString, to: ByteString): ByteString {
  const [start, goal] = [from.split('/').slice(1, -1), to.split('/').slice(1)]
  let shared = 0
  while (shared < start.length && shared < goal.length - 1 && start[shared] === goal[shared]) shared++
  return [...start.slice(shared).map(() => '..'), ...goal.slice(shared)].join('/') as ByteString
}

function conflict(path: ByteString): DockerToolsError {
  return new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot take programs of this machine together: two of them have something else at "${byteStringToText(path)}", they should agree`,
    { hint: 'Make a host program of each' },
  )
}
