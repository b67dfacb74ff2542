import { DockerToolsError } from '#errors'
import type { TreeEntry } from '#tree'
import { type ByteString, byteStringToBytes, byteStringToText, unreachable } from '#util'

const MAGIC = words('nix-archive-1')
const ENTRY = words('entry', '(', 'name')
const NODE = words('node')
const DIRECTORY = words('(', 'type', 'directory')
const FILE = words('(', 'type', 'regular', 'contents')
const EXECUTABLE = words('(', 'type', 'regular', 'executable', '', 'contents')
const SYMLINK = words('(', 'type', 'symlink', 'target')
const END = words(')')
const OWNER_EXECUTES = 0o100

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
  head(entry: TreeEntry): Buffer {
    const isRoot = !this.#isStarted
    this.#isStarted = true
    const parts = isRoot ? this.#startRoot(entry) : this.#startEntry(entry)
    parts.push(...nodeHead(entry))
    if (entry.type === 'directory') this.#open.push({ path: entry.path, isRoot, lastName: '' as ByteString })
    return Buffer.concat(parts)
  }

  /** Everything after the body of `entry` that belongs to it alone. */
  tail(entry: TreeEntry): Buffer {
    if (entry.type === 'directory') return Buffer.alloc(0)
    const padding = Buffer.alloc(entry.type === 'file' ? paddingLength(entry.size) : 0)
    return Buffer.concat([padding, END, ...(this.#open.length > 0 ? [END] : [])])
  }

  /** Closes what is open. */
  end(): Buffer {
    if (!this.#isStarted) throw outOfOrder('there is no entry at all, there should be a root')
    const parts: Buffer[] = []
    while (this.#open.length > 0) this.#closeDirectory(parts)
    return Buffer.concat(parts)
  }

  #startRoot(entry: TreeEntry): Buffer[] {
    if (entry.path !== '') throw outOfOrder(`it starts with ${quote(entry.path)}, it should start with its root`)
    return [MAGIC]
  }

  #startEntry(entry: TreeEntry): Buffer[] {
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
    parts.push(ENTRY, word(byteStringToBytes(name)), NODE)
    return parts
  }

  #closeDirectory(parts: Buffer[]): void {
    const directory = this.#open.pop()
    parts.push(END)
    if (directory?.isRoot === false) parts.push(END)
  }
}

/** Zeros after `size` bytes up to a multiple of eight. */
export function paddingLength(size: number): number {
  return (8 - (size % 8)) % 8
}

function nodeHead(entry: TreeEntry): Buffer[] {
  switch (entry.type) {
    case 'directory':
      return [DIRECTORY]
    case 'file':
      return [(entry.mode & OWNER_EXECUTES) === 0 ? FILE : EXECUTABLE, length(entry.size)]
    case 'symlink':
      return [SYMLINK, word(byteStringToBytes(entry.target))]
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

function words(...texts: readonly string[]): Buffer {
  return Buffer.concat(texts.map((text) => word(Buffer.from(text))))
}

function word(bytes: Buffer): Buffer {
  return Buffer.concat([length(bytes.length), bytes, Buffer.alloc(paddingLength(bytes.length))])
}

function length(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function outOfOrder(fault: string): DockerToolsError {
  return new DockerToolsError('INTERNAL', `Cannot write NAR: ${fault}`)
}

function quote(path: ByteString): string {
  return JSON.stringify(byteStringToText(path))
}
