import { DockerToolsError } from '#errors'
import type { TarHeader } from '#tar'
import { sortNames } from '#tree'
import { type ByteString, byteStringToText, toByteString } from '#util'

/** A file of an archive: its size, and its bytes from the start each time. */
export interface ArchiveFile {
  readonly type: 'file'
  readonly mode: number
  readonly size: number
  open(): AsyncIterable<Uint8Array>
}

export type ArchiveLeaf = ArchiveFile | { readonly type: 'symlink'; readonly target: ByteString }

/** What an archive becomes when it is unpacked, without being unpacked. */
export interface ArchiveDirectory {
  readonly type: 'directory'
  mode: number
  readonly children: Map<ByteString, ArchiveNode>
}

export type ArchiveNode = ArchiveDirectory | ArchiveLeaf

/** A member as an archive lists it, with its body where it is a file. */
export interface ArchivedMember {
  readonly header: TarHeader
  /** The file that a member stands for; hard links are followed. Undefined for what is no file. */
  readonly file: ArchiveFile | undefined
}

/** Mode of folders that no member is there for. */
const IMPLIED_MODE = 0o755

/** @returns An empty folder. */
export function makeDirectory(mode: number = IMPLIED_MODE): ArchiveDirectory {
  return { type: 'directory', mode, children: new Map() }
}

/** A file with a text in it. */
export function textFile(text: string, mode: number): ArchiveFile {
  const bytes = Buffer.from(text)
  return { type: 'file', mode, size: bytes.length, open: () => once(bytes) }
}

/**
 * The tree that the members of an archive make, the last of each name.
 *
 * @param what Names the archive in errors.
 * @throws {DockerToolsError} `PATH_UNSAFE` for a name that is absolute, has `..` or leads through a link;
 *   `FORMAT_UNSUPPORTED` for devices and pipes.
 */
export function archiveTree(members: Iterable<ArchivedMember>, what: string): ArchiveDirectory {
  const root = makeDirectory()
  for (const { header, file } of members) {
    const parts = safeParts(header.path, what)
    const name = parts.pop()
    if (name === undefined) {
      root.mode = header.mode
      continue
    }
    const parent = descend(root, parts, header.path, what)
    const there = parent.children.get(name)
    if (header.type === 'directory') {
      if (there?.type === 'directory') there.mode = header.mode
      else parent.children.set(name, makeDirectory(header.mode))
    } else if (header.type === 'symlink') parent.children.set(name, { type: 'symlink', target: header.target })
    else if (file !== undefined) parent.children.set(name, { ...file, mode: header.mode })
    else {
      throw new DockerToolsError(
        'FORMAT_UNSUPPORTED',
        `Cannot read ${what}: its member "${byteStringToText(header.path)}" is a ${header.type}, it should be a file, folder or symlink`,
      )
    }
  }
  return root
}

/** The members that GNU tar makes of a tree with `--sort=name` and `./` taken off the names, the root first. */
export function* archiveMembers(
  root: ArchiveDirectory,
): Generator<{ readonly path: ByteString; readonly node: ArchiveNode }> {
  yield { path: toByteString('.'), node: root }
  const stack = childrenOf(root, '')
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    yield top
    if (top.node.type === 'directory') stack.push(...childrenOf(top.node, `${top.path}/`))
  }
}

/** Last name first, as a stack wants them. */
function childrenOf(
  directory: ArchiveDirectory,
  prefix: string,
): { readonly path: ByteString; readonly node: ArchiveNode }[] {
  return sortNames([...directory.children.keys()], 'bytes')
    .toReversed()
    .flatMap((name) => {
      const node = directory.children.get(name)
      return node === undefined ? [] : [{ path: `${prefix}${name}` as ByteString, node }]
    })
}

function safeParts(path: ByteString, what: string): ByteString[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.') as ByteString[]
  if (path.startsWith('/') || parts.includes('..' as ByteString)) throw unsafe(path, what, 'leads outside')
  return parts
}

function descend(
  root: ArchiveDirectory,
  parts: readonly ByteString[],
  path: ByteString,
  what: string,
): ArchiveDirectory {
  let directory = root
  for (const part of parts) {
    let next = directory.children.get(part)
    if (next === undefined) {
      next = makeDirectory()
      directory.children.set(part, next)
    }
    if (next.type !== 'directory') throw unsafe(path, what, `leads through a ${next.type}`)
    directory = next
  }
  return directory
}

function unsafe(path: ByteString, what: string, why: string): DockerToolsError {
  return new DockerToolsError(
    'PATH_UNSAFE',
    `Cannot read ${what}: its member "${byteStringToText(path)}" ${why}, it should be a name inside the archive`,
  )
}

// oxlint-disable-next-line require-await -- bodies are read asynchronously
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
