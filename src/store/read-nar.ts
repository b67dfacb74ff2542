import { DockerToolsError } from '#errors'
import type { TreeEntry } from '#tree'
import { type ByteString, byteStringToText } from '#util'
import { NarBody } from './nar-body.ts'
import { NarInput } from './nar-input.ts'

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
/** The longest keyword is `nix-archive-1`; anything beyond this is no keyword. */
const MAX_KEYWORD_BYTES = 32

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
    await this.#expect('nix-archive-1', 'the start')
    for (let path: ByteString | undefined = ROOT; path !== undefined; path = await this.#nextPath()) {
      const entry = await this.#readNode(path)
      yield entry
      await this.#body?.finish()
      this.#body = undefined
      if (entry.type !== 'directory') await this.#endNode(describe(path))
    }
    await this.input.expectEnd()
  }

  /** The path of the next entry; directories that end are closed. Undefined at the end. */
  async #nextPath(): Promise<ByteString | undefined> {
    for (let directory = this.#open.at(-1); directory !== undefined; directory = this.#open.at(-1)) {
      const where = describe(directory.path)
      const word = await this.#readKeyword(where)
      if (word === 'entry') return this.#readEntryHead(directory, where)
      if (word !== ')') throw unexpected(word, where, '"entry" or ")"')
      this.#open.pop()
      if (this.#open.length > 0) await this.#expect(')', where)
    }
    return undefined
  }

  async #readEntryHead(directory: OpenDirectory, where: string): Promise<ByteString> {
    await this.#expect('(', where)
    await this.#expect('name', where)
    const name = await this.input.readWord(MAX_NAME_BYTES, `a name in ${where}`)
    checkName(name, directory.lastName, where)
    directory.lastName = name
    await this.#expect('node', where)
    return (directory.path === '' ? name : `${directory.path}/${name}`) as ByteString
  }

  async #readNode(path: ByteString): Promise<TreeEntry> {
    const where = describe(path)
    this.#entryCount++
    if (this.#entryCount > this.#limits.maxEntries) throw limitPassed('entries', this.#limits.maxEntries)
    await this.#expect('(', where)
    await this.#expect('type', where)
    const type = await this.#readKeyword(where)
    switch (type) {
      case 'directory':
        if (this.#open.length >= this.#limits.maxDepth) {
          throw limitPassed('directories within one another', this.#limits.maxDepth)
        }
        this.#open.push({ path, lastName: ROOT })
        return { type, path, mode: 0o555 }
      case 'symlink':
        return { type, path, mode: 0o777, target: await this.#readTarget(where) }
      case 'regular':
        return this.#readFileHead(path, where)
      default:
        throw unexpected(type, where, '"regular", "directory" or "symlink"')
    }
  }

  async #readTarget(where: string): Promise<ByteString> {
    await this.#expect('target', where)
    const target = await this.input.readWord(this.#limits.maxTargetBytes, `the target of ${where}`)
    if (target !== '' && !target.includes('\0')) return target
    throw new DockerToolsError(
      'FORMAT_INVALID',
      `Cannot read NAR: the target of ${where} is empty or holds NUL, it should be a path`,
    )
  }

  async #readFileHead(path: ByteString, where: string): Promise<TreeEntry> {
    let word = await this.#readKeyword(where)
    const isExecutable = word === 'executable'
    if (isExecutable) {
      await this.#expect('', where)
      word = await this.#readKeyword(where)
    }
    if (word !== 'contents') throw unexpected(word, where, '"contents"')
    const size = await this.input.readLength(`the contents of ${where}`)
    const body = new NarBody(this.input, size, where)
    this.#body = body
    return { type: 'file', path, mode: isExecutable ? 0o555 : 0o444, size, open: () => body.open() }
  }

  /** The `)` of the node itself, and that of the `entry (` around it; the root stands in none. */
  async #endNode(where: string): Promise<void> {
    await this.#expect(')', where)
    if (this.#open.length > 0) await this.#expect(')', where)
  }

  async #expect(keyword: string, where: string): Promise<void> {
    const word = await this.#readKeyword(where)
    if (word !== keyword) throw unexpected(word, where, JSON.stringify(keyword))
  }

  async #readKeyword(where: string): Promise<string> {
    return this.input.readWord(MAX_KEYWORD_BYTES, `a keyword in ${where}`)
  }
}

function checkName(name: ByteString, lastName: ByteString, where: string): void {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
    throw new DockerToolsError(
      'PATH_UNSAFE',
      `Cannot read NAR: a name in ${where} is ${quote(name)}, it should be one plain file name`,
    )
  }
  if (lastName >= name) {
    throw new DockerToolsError(
      'FORMAT_INVALID',
      `Cannot read NAR: in ${where}, ${quote(name)} follows ${quote(lastName)}, names should ascend by bytes`,
    )
  }
}

function describe(path: ByteString): string {
  return path === '' ? 'the root' : quote(path)
}

function quote(name: ByteString): string {
  return JSON.stringify(byteStringToText((name.length > 300 ? `…${name.slice(-300)}` : name) as ByteString))
}

function unexpected(word: string, where: string, expected: string): DockerToolsError {
  return new DockerToolsError(
    'FORMAT_INVALID',
    `Cannot read NAR: in ${where} stands ${quote(word as ByteString)}, it should be ${expected}`,
  )
}

function limitPassed(what: string, limit: number): DockerToolsError {
  return new DockerToolsError('LIMIT_EXCEEDED', `Cannot read NAR: it has more ${what} than the limit of ${limit}`)
}
