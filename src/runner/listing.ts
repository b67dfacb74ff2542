import { DockerToolsError } from '#errors'
import type { ByteString } from '#util'
import type { OwnedEntry } from './runner.ts'

/** A file as `find` lists it. */
export interface ListedFile {
  readonly entry: OwnedEntry
  readonly inode: string
  /** All that changes when a file does; its change time cannot be set back by a script. */
  readonly fingerprint: string
}

/** Type, inode, mode, user, group, size, two times, link target, path. */
const FIELDS = 10

/** Longer listings are not taken: some ten million files. */
const MAX_LISTING_BYTES = 2 ** 30

const KINDS: Readonly<Record<string, OwnedEntry['type']>> = {
  f: 'file',
  d: 'directory',
  l: 'symlink',
  p: 'fifo',
  s: 'socket',
}

/**
 * Reads what `find -printf '%y\0%i\0%m\0%U\0%G\0%s\0%T@\0%C@\0%l\0%P\0'` prints.
 *
 * @throws {DockerToolsError} `LIMIT_EXCEEDED`, `FILE_TYPE_UNSUPPORTED` for a device.
 */
export async function readListing(source: AsyncIterable<Uint8Array>): Promise<Map<ByteString, ListedFile>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of source) {
    size += chunk.length
    if (size > MAX_LISTING_BYTES) {
      throw new DockerToolsError(
        'LIMIT_EXCEEDED',
        `Cannot list the tree: its names have more than ${MAX_LISTING_BYTES} bytes`,
      )
    }
    chunks.push(chunk)
  }
  return parseListing(Buffer.concat(chunks).toString('latin1'))
}

/** @param text One character a byte. */
export function parseListing(text: string): Map<ByteString, ListedFile> {
  const files = new Map<ByteString, ListedFile>()
  const fields = text.split('\0')
  for (let at = 0; at + FIELDS < fields.length; at += FIELDS) {
    const [kind = '', inode = '', mode = '', uid = '', gid = '', size = '', , , target = ''] = fields.slice(
      at,
      at + FIELDS,
    )
    const path = fields[at + FIELDS - 1] as ByteString
    const fingerprint = fields.slice(at, at + FIELDS - 1).join(' ')
    const meta = { path, mode: Number.parseInt(mode, 8), uid: Number(uid), gid: Number(gid) }
    files.set(path, { entry: listedEntry(kind, meta, Number(size), target as ByteString), inode, fingerprint })
  }
  return files
}

function listedEntry(
  kind: string,
  meta: Pick<OwnedEntry, 'path' | 'mode' | 'uid' | 'gid'>,
  size: number,
  target: ByteString,
): OwnedEntry {
  const type = KINDS[kind]
  switch (type) {
    case 'file':
      return { ...meta, type, size }
    case 'symlink':
      return { ...meta, type, target }
    case 'directory':
    case 'fifo':
    case 'socket':
      return { ...meta, type }
    default:
      throw new DockerToolsError('INTERNAL', `Cannot list a tree: a file has the type "${kind}"`)
  }
}
