import { DockerToolsError } from '#errors'
import type { TreeEntry, TreeKind } from '#tree'
import { type ByteString, byteStringToBytes, byteStringToText, unreachable } from '#util'
import {
  DIRECTORY,
  encodeLength,
  encodeWord,
  END,
  ENTRY,
  ENTRY_END,
  EXECUTABLE,
  FILE,
  MAGIC,
  NODE,
  paddingLength,
  SYMLINK,
} from './nar-words.ts'

const OWNER_EXECUTES = 0o100

/** What a NAR says of a file besides its body. */
export type NarEntry = Pick<TreeEntry, 'path' | 'mode'> & (TreeKind | { readonly type: 'file'; readonly size: number })

interface OpenDirectory {
  readonly path: ByteString
  readonly isRoot: boolean
  lastName: ByteString
}

/** Turns entries into the bytes around their bodies, and insists on the order a NAR has. */
export class NarEncoder {
  readonly #open: OpenDirectory[] = []
  #isStarted = false

  /** Everything before the body of `entry`. */
  head(entry: NarEntry): Buffer {
    const isRoot = !this.#isStarted
    this.#isStarted = true
    const parts = isRoot ? this.#startRoot(entry) : this.#startEntry(entry)
    parts.push(...nodeHead(entry))
    if (entry.type === 'directory') this.#open.push({ path: entry.path, isRoot, lastName: '' as ByteString })
    return Buffer.concat(parts)
  }

  /** Everything after the body of `entry` that belongs to it alone. */
  tail(entry: NarEntry): Buffer {
    if (entry.type === 'directory') return Buffer.alloc(0)
    const padding = Buffer.alloc(entry.type === 'file' ? paddingLength(entry.size) : 0)
    return Buffer.concat([padding, (this.#open.length > 0 ? ENTRY_END : END).bytes])
  }

  /** Closes what is open. */
  end(): Buffer {
    if (!this.#isStarted) throw outOfOrder('there is no entry at all, there should be a root')
    const parts: Buffer[] = []
    while (this.#open.length > 0) this.#closeDirectory(parts)
    return Buffer.concat(parts)
  }

  #startRoot(entry: NarEntry): Buffer[] {
    if (entry.path !== '') throw outOfOrder(`it starts with ${quote(entry.path)}, it should start with its root`)
    return [MAGIC.bytes]
  }

  #startEntry(entry: NarEntry): Buffer[] {
    const slash = entry.path.lastIndexOf('/')
    const parent = slash < 0 ? '' : entry.path.slice(0, slash)
    const name = entry.path.slice(slash + 1) as ByteString
    const parts: Buffer[] = []
    while (this.#open.length > 0 && this.#open.at(-1)!.path !== parent) this.#closeDirectory(parts)
    const directory = this.#open.at(-1)
    if (directory === undefined) throw outOfOrder(`${quote(entry.path)} stands apart from the directory it is in`)
    if (name === '' || name === '.' || name === '..') throw outOfOrder(`${quote(entry.path)} should end in a file name`)
    if (directory.lastName >= name)
      throw outOfOrder(`${quote(entry.path)} should stand before ${quote(directory.lastName)}`)
    directory.lastName = name
    parts.push(ENTRY.bytes, encodeWord(byteStringToBytes(name)), NODE.bytes)
    return parts
  }

  #closeDirectory(parts: Buffer[]): void {
    parts.push((this.#open.pop()?.isRoot === false ? ENTRY_END : END).bytes)
  }
}

function nodeHead(entry: NarEntry): Buffer[] {
  switch (entry.type) {
    case 'directory':
      return [DIRECTORY.bytes]
    case 'file':
      return [((entry.mode & OWNER_EXECUTES) === 0 ? FILE : EXECUTABLE).bytes, encodeLength(entry.size)]
    case 'symlink':
      return [SYMLINK.bytes, encodeWord(byteStringToBytes(entry.target))]
    case 'fifo':
    case 'char':
    case 'block':
    case 'socket':
      throw new DockerToolsError(
        'FILE_TYPE_UNSUPPORTED',
        `Cannot write NAR: ${quote(entry.path)} is a ${entry.type}, it should be a file, directory or symlink`,
      )
    default:
      return unreachable(entry)
  }
}

function outOfOrder(fault: string): DockerToolsError {
  return new DockerToolsError('INTERNAL', `Cannot write NAR: ${fault}`)
}

function quote(path: ByteString): string {
  return JSON.stringify(byteStringToText(path))
}
