import { createReadStream, linkSync, mkdirSync, openSync, closeSync, rmSync, symlinkSync, writeSync } from 'node:fs'
import { decompress } from '#compress'
import { DockerToolsError, systemErrorCode } from '#errors'
import { readTar, type TarMember } from '#tar'
import { type ByteString, byteStringToText, toByteString, toFsPath } from '#util'

/** What an archive may unpack to; the hash is only known when all of it is there. */
const MAX_UNPACKED_BYTES = 64 * 1024 ** 3
const MAX_MEMBERS = 5_000_000
const EXECUTABLE_BITS = 0o111

/**
 * Unpacks a tar, plain or compressed with gzip, zstd or xz, into a new folder.
 * Owners and times are not kept, of modes only whether a file is executable:
 * nothing else reaches a store. Nothing is written through a link, or outside.
 *
 * @throws {DockerToolsError} `PATH_UNSAFE`, `FILE_TYPE_UNSUPPORTED`,
 *   `LIMIT_EXCEEDED`, `WRITE_FAILED`, and what reading tars throws.
 */
export async function unpackArchive(file: string, folder: string): Promise<void> {
  const root = toByteString(folder)
  mkdirSync(folder)
  // What has been made so far, by its name below the folder.
  const made = new Map<string, 'directory' | 'file' | 'symlink'>([['', 'directory']])
  const plain = decompress('auto', createReadStream(file), { maxBytes: MAX_UNPACKED_BYTES })
  for await (const member of readTar(plain, { maxMembers: MAX_MEMBERS, endMarker: 'optional' })) {
    const parts = safeParts(member.header.path)
    for (const depth of parts.keys()) if (depth > 0) makeFolder(root, parts.slice(0, depth).join('/'), made, member)
    try {
      await unpackMember(root, parts.join('/'), made, member)
    } catch (error) {
      if (error instanceof DockerToolsError || systemErrorCode(error) === undefined) throw error
      throw unpackError('WRITE_FAILED', member, `the system says ${systemErrorCode(error)}`, error)
    }
  }
}

type Made = Map<string, 'directory' | 'file' | 'symlink'>

async function unpackMember(root: ByteString, path: string, made: Made, member: TarMember): Promise<void> {
  const { header } = member
  const place = toFsPath(`${root}/${path}` as ByteString)
  if (header.type === 'directory') {
    makeFolder(root, path, made, member)
    return
  }
  if (made.get(path) === 'directory')
    throw unpackError('PATH_UNSAFE', member, 'there is a directory of that name already')
  // As with every unpacker, the last of several files of one name stays.
  if (made.has(path)) rmSync(place)
  if (header.type === 'file') {
    await writeBody(member, place, (header.mode & EXECUTABLE_BITS) === 0 ? 0o644 : 0o755)
    made.set(path, 'file')
  } else if (header.type === 'symlink') {
    symlinkSync(toFsPath(header.target), place)
    made.set(path, 'symlink')
  } else if (header.type === 'hardlink') {
    const target = safeParts(header.target).join('/')
    if (made.get(target) !== 'file')
      throw unpackError('PATH_UNSAFE', member, `it links to "${target}", which is no file before it`)
    linkSync(toFsPath(`${root}/${target}` as ByteString), place)
    made.set(path, 'file')
  } else throw unpackError('FILE_TYPE_UNSUPPORTED', member, `it is a ${header.type}, which no store holds`)
}

function makeFolder(root: ByteString, path: string, made: Made, member: TarMember): void {
  const there = made.get(path)
  if (there === 'directory') return
  if (there !== undefined) throw unpackError('PATH_UNSAFE', member, `"${path}" is a ${there}, it should be a directory`)
  mkdirSync(toFsPath(`${root}/${path}` as ByteString))
  made.set(path, 'directory')
}

async function writeBody(member: TarMember, place: string | Buffer, mode: number): Promise<void> {
  const fd = openSync(place, 'wx', mode)
  try {
    for await (const chunk of member.body()) {
      for (let written = 0; written < chunk.length;) written += writeSync(fd, chunk, written)
    }
  } finally {
    closeSync(fd)
  }
}

function safeParts(path: ByteString): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (!path.startsWith('/') && !parts.includes('..') && !path.includes('\0')) return parts
  throw new DockerToolsError(
    'PATH_UNSAFE',
    `Cannot unpack ${JSON.stringify(byteStringToText(path).slice(0, 300))}: it leads outside, it should stay below the archive's root`,
  )
}

function unpackError(
  code: 'PATH_UNSAFE' | 'FILE_TYPE_UNSUPPORTED' | 'WRITE_FAILED',
  { header }: TarMember,
  fault: string,
  cause?: unknown,
): DockerToolsError {
  const name = JSON.stringify(byteStringToText(header.path).slice(0, 300))
  return new DockerToolsError(code, `Cannot unpack ${name}: ${fault}`, cause === undefined ? {} : { cause })
}
