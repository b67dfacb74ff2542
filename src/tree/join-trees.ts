import { DockerToolsError } from '#errors'
import type { ByteString } from '#util'
import { byteStringToText } from '#util'
import { sortNames, type TreeOrder } from './name-order.ts'
import type { TreeEntry } from './tree-entry.ts'

/** A tree that takes part in a join. */
export interface JoinSource {
  /** Absolute path that links to its files begin with, such as `/nix/store/…-x`. */
  readonly target: ByteString
  /** The root first, and each directory before what is in it. */
  readonly entries: Iterable<TreeEntry> | AsyncIterable<TreeEntry>
}

/** A joined tree has directories and symlinks only. */
export type JoinedEntry =
  | { readonly path: ByteString; readonly type: 'directory'; readonly mode: 0o755 }
  | { readonly path: ByteString; readonly type: 'symlink'; readonly mode: 0o777; readonly target: ByteString }

/** The result of a join. */
export interface JoinedTree {
  /** The entries, root first, each directory before what is in it. */
  entries(order: TreeOrder): Generator<JoinedEntry>
}

/** An entry that was left out, because an earlier source has something else of that name. */
export interface JoinCollision {
  readonly path: ByteString
  /** `target` of the source that lost. What is under a directory that lost is not reported again. */
  readonly source: ByteString
  readonly dropped: TreeEntry['type']
  readonly kept: JoinedEntry['type']
}

type Node = Directory | { readonly target: ByteString }
type Directory = Map<ByteString, Node>

/** Names that `lndir` leaves out, whatever they are. */
const SKIPPED_NAMES = new Set(['.DS_Store', '._.DS_Store', '.cvsignore', '.gitignore'])
/** Directories that `lndir` leaves out with all that is in them. */
const SKIPPED_DIRECTORIES = new Set(['BitKeeper', 'RCS', 'SCCS', 'CVS', 'CVS.adm', '.svn'])

/**
 * Joins trees as nixpkgs' `symlinkJoin` does by way of `lndir`: directories
 * are merged, a symlink is copied as it is, everything else becomes a symlink
 * to where it is. The first source to have a name wins, also where one has a
 * directory and another has not. Editors' and version control's leftovers are
 * left out, as `lndir` does.
 *
 * @param onCollision Told of every entry that lost; the join goes on.
 * @throws {DockerToolsError} `FILE_TYPE_UNSUPPORTED` if a source is not a directory.
 * @see nixpkgs `pkgs/build-support/trivial-builders/default.nix`, `symlinkJoin`
 */
export async function joinTrees(
  sources: readonly JoinSource[],
  onCollision: (collision: JoinCollision) => void = () => undefined,
): Promise<JoinedTree> {
  const root: Directory = new Map()
  for (const source of sources) await joinSource(root, source, onCollision)
  return { entries: (order) => listTree(root, order) }
}

async function joinSource(
  root: Directory,
  source: JoinSource,
  onCollision: (collision: JoinCollision) => void,
): Promise<void> {
  // Directories of this source: where their content goes, or undefined where it is left out.
  const directories = new Map<string, Directory | undefined>()
  for await (const entry of source.entries) {
    if (directories.size === 0) {
      directories.set('', startAt(root, entry, source.target))
      continue
    }
    const slash = entry.path.lastIndexOf('/')
    const parentPath = slash === -1 ? '' : entry.path.slice(0, slash)
    const name = entry.path.slice(slash + 1) as ByteString
    if (!directories.has(parentPath)) throw outOfOrder(entry.path, source.target)
    const parent = directories.get(parentPath)
    const taken = parent === undefined || isSkipped(name, entry.type) ? undefined : place(parent, name, entry, source)
    if (taken === 'collision') {
      const kept = parent?.get(name) instanceof Map ? 'directory' : 'symlink'
      onCollision({ path: entry.path, source: source.target, dropped: entry.type, kept })
    }
    if (entry.type === 'directory') directories.set(entry.path, taken instanceof Map ? taken : undefined)
  }
  if (directories.size === 0) throw outOfOrder('' as ByteString, source.target)
}

function startAt(root: Directory, entry: TreeEntry, target: ByteString): Directory {
  if (entry.path !== '') throw outOfOrder(entry.path, target)
  if (entry.type === 'directory') return root
  throw new DockerToolsError(
    'FILE_TYPE_UNSUPPORTED',
    `Cannot join "${byteStringToText(target)}": it is a ${entry.type}, it should be a directory`,
  )
}

/** Puts an entry into its directory, unless something else has its name. */
function place(
  parent: Directory,
  name: ByteString,
  entry: TreeEntry,
  source: JoinSource,
): Directory | 'placed' | 'collision' {
  const existing = parent.get(name)
  if (entry.type === 'directory') {
    if (existing instanceof Map) return existing
    if (existing !== undefined) return 'collision'
    const directory: Directory = new Map()
    parent.set(name, directory)
    return directory
  }
  const target = (entry.type === 'symlink' ? entry.target : `${source.target}/${entry.path}`) as ByteString
  if (existing === undefined) {
    parent.set(name, { target })
    return 'placed'
  }
  return !(existing instanceof Map) && existing.target === target ? 'placed' : 'collision'
}

function isSkipped(name: ByteString, type: TreeEntry['type']): boolean {
  if (name.endsWith('~') || name.startsWith('.#') || SKIPPED_NAMES.has(name)) return true
  return type === 'directory' && SKIPPED_DIRECTORIES.has(name)
}

function* listTree(root: Directory, order: TreeOrder): Generator<JoinedEntry> {
  const list = (
    prefix: string,
    directory: Directory,
  ): { prefix: string; directory: Directory; names: ByteString[] } => ({
    prefix,
    directory,
    names: sortNames([...directory.keys()], order).toReversed(),
  })
  yield { path: '' as ByteString, type: 'directory', mode: 0o755 }
  const stack = [list('', root)]
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const name = top.names.pop()
    const node = name === undefined ? undefined : top.directory.get(name)
    if (node === undefined) {
      stack.pop()
      continue
    }
    const path = `${top.prefix}${name}` as ByteString
    if (node instanceof Map) {
      yield { path, type: 'directory', mode: 0o755 }
      stack.push(list(`${path}/`, node))
    } else yield { path, type: 'symlink', mode: 0o777, target: node.target }
  }
}

function outOfOrder(path: ByteString, target: ByteString): DockerToolsError {
  return new DockerToolsError(
    'INTERNAL',
    `Cannot join "${byteStringToText(target)}": "${byteStringToText(path)}" does not come after its directory, as it should`,
  )
}
