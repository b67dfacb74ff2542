import { DockerToolsError } from '#errors'
import type { IndexedTarMember } from '#tar'
import { type ByteString, byteStringToText, compareByteStrings } from '#util'
import { layerPath } from './layer-path.ts'

/** One file of the merged file system, without its name: hard links share it. */
export type MergedNode = MergedMeta &
  (
    | { readonly type: 'directory' | 'fifo' }
    | { readonly type: 'symlink'; readonly target: ByteString }
    | { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number }
    | {
        readonly type: 'file'
        readonly size: number
        /** Which layer has the content, counted from 0, lowest first, and where in its plain tar. */
        readonly layer: number
        readonly bodyOffset: number
      }
  )

interface MergedMeta {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** A file of the merged file system with its place. */
export interface MergedEntry {
  /** Relative to the root, components joined by `/`; empty for the root itself. */
  readonly path: ByteString
  readonly node: MergedNode
}

/** A name in the tree: what it is, and what is below it where it is a directory. */
interface Place {
  node: MergedNode
  readonly children: Map<ByteString, Place> | undefined
}

/** What a directory is that no layer has an entry for, as `tar -x` of root would make it. */
const IMPLIED: MergedNode & { readonly type: 'directory' } = { type: 'directory', mode: 0o755, uid: 0, gid: 0 }

/**
 * The file system that layers make, laid on top of each other in memory: names
 * and where contents are, no contents. Names are taken literally, as a union
 * mount does: a layer's `a/b` makes `a` a directory, whatever a lower one had there.
 *
 * Of a layer's entries with the same name the last counts. Whiteouts hide what
 * lower layers have, wherever in the layer they stand.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md#applying-changesets
 */
export class MergedTree {
  readonly #root: Place = { node: IMPLIED, children: new Map() }
  #layer = -1

  /**
   * Lays the next layer on top.
   *
   * @param members In the order they stand in the layer.
   * @param what Names the layer in errors.
   * @throws {DockerToolsError} `PATH_UNSAFE` for a name with `..`, `FORMAT_INVALID` for a hard link to nothing
   *   and for a broken whiteout.
   */
  apply(members: readonly IndexedTarMember[], what: string): void {
    this.#layer++
    const entries: { readonly parts: readonly ByteString[]; readonly member: IndexedTarMember }[] = []
    for (const member of members) {
      const path = layerPath(member.header.path, what)
      if (path.type === 'entry') entries.push({ parts: path.parts, member })
      else if (path.type === 'whiteout') this.#remove(path.parts)
      else if (path.type === 'opaque') this.#clear(path.parts)
    }
    for (const { parts, member } of entries) this.#put(parts, member, what)
  }

  /** All files, each directory before what is in it, names in byte order. */
  *entries(): Generator<MergedEntry> {
    const pending: { readonly path: ByteString; readonly place: Place }[] = [
      { path: '' as ByteString, place: this.#root },
    ]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { path, place } = next
      yield { path, node: place.node }
      if (place.children === undefined) continue
      const names = [...place.children.keys()].toSorted(compareByteStrings).toReversed()
      for (const name of names) {
        const child = place.children.get(name)
        const childPath = (path === '' ? name : `${path}/${name}`) as ByteString
        if (child !== undefined) pending.push({ path: childPath, place: child })
      }
    }
  }

  #find(parts: readonly ByteString[]): Place | undefined {
    let place: Place | undefined = this.#root
    for (const part of parts) place = place?.children?.get(part)
    return place
  }

  #remove(parts: readonly ByteString[]): void {
    this.#find(parts.slice(0, -1))?.children?.delete(parts.at(-1) as ByteString)
  }

  #clear(parts: readonly ByteString[]): void {
    this.#find(parts)?.children?.clear()
  }

  #put(parts: readonly ByteString[], member: IndexedTarMember, what: string): void {
    const name = parts.at(-1)
    const node = this.#nodeOf(member, what)
    if (name === undefined) {
      if (node.type !== 'directory') {
        throw new DockerToolsError(
          'FORMAT_INVALID',
          `Cannot read ${what}: its root is a ${node.type}, it should be a directory`,
        )
      }
      this.#root.node = node
      return
    }
    const parent = this.#parentOf(parts)
    const known = parent.get(name)
    if (known?.children !== undefined && node.type === 'directory') {
      known.node = node
    } else parent.set(name, { node, children: node.type === 'directory' ? new Map() : undefined })
  }

  /** The directory that an entry is in. What is missing is made, what is no directory is replaced. */
  #parentOf(parts: readonly ByteString[]): Map<ByteString, Place> {
    let children = this.#root.children as Map<ByteString, Place>
    for (const part of parts.slice(0, -1)) {
      let next = children.get(part)
      if (next?.children === undefined) {
        next = { node: IMPLIED, children: new Map() }
        children.set(part, next)
      }
      children = next.children as Map<ByteString, Place>
    }
    return children
  }

  #nodeOf({ header, bodyOffset }: IndexedTarMember, what: string): MergedNode {
    const { mode, uid, gid } = header
    const meta = { mode, uid, gid }
    switch (header.type) {
      case 'file':
        return { ...meta, type: 'file', size: header.size, layer: this.#layer, bodyOffset }
      case 'symlink':
        return { ...meta, type: 'symlink', target: header.target }
      case 'char':
      case 'block':
        return { ...meta, type: header.type, major: header.major, minor: header.minor }
      case 'hardlink':
        return this.#linked(header.path, header.target, what)
      default:
        return { ...meta, type: header.type }
    }
  }

  #linked(name: ByteString, target: ByteString, what: string): MergedNode {
    const path = layerPath(target, what)
    const found = path.type === 'entry' ? this.#find(path.parts) : undefined
    if (found !== undefined && found.node.type !== 'directory') return found.node
    const [from, to] = [byteStringToText(name), byteStringToText(target)]
    const reason = found === undefined ? 'is not there before it' : 'is a directory'
    throw new DockerToolsError(
      'FORMAT_INVALID',
      `Cannot read ${what}: "${from}" is a hard link to "${to}", which ${reason}`,
    )
  }
}
