import { DockerToolsError } from '#errors'
import type { TreeEntry } from '#tree'
import { type ByteString, byteStringToText, unreachable } from '#util'
import { NarBody } from './nar-body.ts'
import { NarInput } from './nar-input.ts'
import {
  DIRECTORY,
  END,
  ENTRY,
  ENTRY_END,
  ENTRY_REST,
  EXECUTABLE,
  EXECUTABLE_REST,
  FILE,
  MAGIC,
  NODE,
  SYMLINK,
  TYPE,
} from './nar-words.ts'

/** Bounds on what a NAR may make a reader do. */
export interface NarLimits {
  /** Directories within directories. */
  readonly maxDepth: number
  /** Files, directories and symlinks together. */
  readonly maxEntries: number
  /** Bytes of a symlink's target. */
  readonly maxTargetBytes: number
}

/** More than Linux can hold in one path, and a hundred times nixpkgs' largest packages. */
export const DEFAULT_NAR_LIMITS: NarLimits = { maxDepth: 4096, maxEntries: 20_000_000, maxTargetBytes: 65_536 }

/** `NAME_MAX` of Linux, and of every file system a store can be on. */
const MAX_NAME_BYTES = 255
const ROOT = '' as ByteString

interface OpenDirectory {
  readonly path: ByteString
  lastName: ByteString
}

/**
 * Reads a NAR (the archive format of Nix) and yields its entries in its own
 * order. Memory does not grow with the archive; depth costs no stack.
 *
 * A file's `open()` works once, and only until the next entry is asked for;
 * a body that is not read is skipped.
 *
 * @throws {DockerToolsError} `TRUNCATED`, `FORMAT_INVALID`, `PATH_UNSAFE` for a
 *   name that could lead outside, `LIMIT_EXCEEDED`.
 * @see nix `src/libutil/archive.cc`, `parseDump`
 */
export async function* readNar(
  source: AsyncIterable<Uint8Array>,
  limits: Partial<NarLimits> = {},
): AsyncGenerator<TreeEntry> {
  const reader = new NarReader(new NarInput(source), { ...DEFAULT_NAR_LIMITS, ...limits })
  try {
    yield* reader.read()
  } finally {
    await reader.input.close()
  }
}

class NarReader {
  readonly input: NarInput
  readonly #limits: NarLimits
  /** The directories that are not closed yet, outermost first. */
  readonly #open: OpenDirectory[] = []
  /** The file that was handed out last, until its end is read. */
  #body: NarBody | undefined
  #entryCount = 0

  constructor(input: NarInput, limits: NarLimits) {
    this.input = input
    this.#limits = limits
  }

  async *read(): AsyncGenerator<TreeEntry> {
    await this.input.expect(MAGIC)
    for (let path: ByteString | undefined = ROOT; path !== undefined; path = await this.#nextPath()) {
      this.input.place = path
      const entry = await this.#readNode(path)
      yield entry
      await this.#body?.finish()
      this.#body = undefined
      if (entry.type !== 'directory') await this.input.expect(this.#open.length > 0 ? ENTRY_END : END)
    }
    await this.input.expectEnd()
  }

  /** The path of the next entry; directories that end are closed. Undefined at the end. */
  async #nextPath(): Promise<ByteString | undefined> {
    for (let directory = this.#open.at(-1); directory !== undefined; directory = this.#open.at(-1)) {
      this.input.place = directory.path
      if (this.input.tryTake(ENTRY)) return this.#readName(directory)
      const word = await this.input.readKeyword()
      if (word === 'entry') {
        await this.input.expect(ENTRY_REST)
        return this.#readName(directory)
      }
      if (word !== ')') throw this.input.unexpected(word, '"entry" or ")"')
      this.#open.pop()
      if (this.#open.length > 0) await this.input.expect(END)
    }
    return undefined
  }

  async #readName(directory: OpenDirectory): Promise<ByteString> {
    const name = await this.input.readWord(MAX_NAME_BYTES, 'a name')
    this.#checkName(name, directory.lastName)
    directory.lastName = name
    await this.input.expect(NODE)
    return (directory.path === '' ? name : `${directory.path}/${name}`) as ByteString
  }

  async #readNode(path: ByteString): Promise<TreeEntry> {
    this.#entryCount++
    if (this.#entryCount > this.#limits.maxEntries) throw limitPassed('entries', this.#limits.maxEntries)
    const type = await this.#readType()
    switch (type) {
      case 'file':
      case 'executable': {
        const size = await this.input.readLength('the contents')
        const body = new NarBody(this.input, size)
        this.#body = body
        return { type: 'file', path, mode: type === 'file' ? 0o444 : 0o555, size, open: () => body.open() }
      }
      case 'symlink':
        return { type, path, mode: 0o777, target: await this.#readTarget() }
      case 'directory':
        if (this.#open.length >= this.#limits.maxDepth) {
          throw limitPassed('directories within one another', this.#limits.maxDepth)
        }
        this.#open.push({ path, lastName: ROOT })
        return { type, path, mode: 0o555 }
      default:
        return unreachable(type)
    }
  }

  /** What a node is. Nearly always its first words are there in one piece, and one comparison tells. */
  async #readType(): Promise<'file' | 'executable' | 'symlink' | 'directory'> {
    if (this.input.tryTake(FILE)) return 'file'
    if (this.input.tryTake(DIRECTORY)) return 'directory'
    if (this.input.tryTake(SYMLINK)) return 'symlink'
    if (this.input.tryTake(EXECUTABLE)) return 'executable'
    await this.input.expect(TYPE)
    const type = await this.input.readKeyword()
    if (type === 'directory') return type
    if (type !== 'regular' && type !== 'symlink') {
      throw this.input.unexpected(type, '"regular", "directory" or "symlink"')
    }
    const field = await this.input.readKeyword()
    if (type === 'symlink' && field === 'target') return type
    if (type === 'regular' && field === 'contents') return 'file'
    if (type === 'symlink' || field !== 'executable') {
      throw this.input.unexpected(field, type === 'symlink' ? '"target"' : '"executable" or "contents"')
    }
    await this.input.expect(EXECUTABLE_REST)
    return 'executable'
  }

  async #readTarget(): Promise<ByteString> {
    const target = await this.input.readWord(this.#limits.maxTargetBytes, 'the target')
    if (target !== '' && !target.includes('\0')) return target
    throw this.input.invalid('the target is empty or holds NUL, it should be a path')
  }

  #checkName(name: ByteString, lastName: ByteString): void {
    if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
      throw new DockerToolsError(
        'PATH_UNSAFE',
        `Cannot read NAR: in ${this.input.describePlace()}, a name is ${quote(name)}, it should be one plain file name`,
      )
    }
    if (lastName >= name) {
      throw this.input.invalid(`${quote(name)} follows ${quote(lastName)}, names should ascend by bytes`)
    }
  }
}

function quote(name: ByteString): string {
  return JSON.stringify(byteStringToText(name))
}

function limitPassed(what: string, limit: number): DockerToolsError {
  return new DockerToolsError('LIMIT_EXCEEDED', `Cannot read NAR: it has more ${what} than the limit of ${limit}`)
}
