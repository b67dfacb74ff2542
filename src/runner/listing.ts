import { DockerToolsError } from '#errors'
import type { ByteString } from '#util'
import type { OwnedEntry } from './runner.ts'

/** A file as `find` lists it. */
export interface ListedFile {
  readonly entry: OwnedEntry
  readonly inode: string
  /** All that changes when a file does; its change time cannot be set back by a script. */
  readonly fingerprint: string
  /** Milliseconds since 1970, with a fraction. */
  readonly ctimeMs: number
}

/** A device's two numbers, by path. */
export type DeviceNumbers = ReadonlyMap<ByteString, { readonly major: number; readonly minor: number }>

/** What `find` is asked to print of each file. */
export const LISTING_FORMAT: string = String.raw`%y\0%i\0%m\0%U\0%G\0%s\0%T@\0%C@\0%l\0%P\0`

const NO_DEVICES: DeviceNumbers = new Map()

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
  c: 'char',
  b: 'block',
}

/**
 * Reads what `find -printf` prints in `LISTING_FORMAT`.
 *
 * @throws {DockerToolsError} `LIMIT_EXCEEDED`.
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

/**
 * @param text One character a byte.
 * @param devices Numbers of the devices in it, which `find` cannot print.
 */
export function parseListing(text: string, devices: DeviceNumbers = NO_DEVICES): Map<ByteString, ListedFile> {
  const files = new Map<ByteString, ListedFile>()
  const fields = text.split('\0')
  for (let at = 0; at + FIELDS < fields.length; at += FIELDS) {
    const [kind = '', inode = '', mode = '', uid = '', gid = '', size = '', , changed = '', target = ''] = fields.slice(
      at,
      at + FIELDS,
    )
    const path = fields[at + FIELDS - 1] as ByteString
    const fingerprint = fields.slice(at, at + FIELDS - 1).join(' ')
    const meta = { path, mode: Number.parseInt(mode, 8), uid: Number(uid), gid: Number(gid) }
    const entry = listedEntry(kind, meta, Number(size), target as ByteString, devices)
    files.set(path, { entry, inode, fingerprint, ctimeMs: parseTime(changed) })
  }
  return files
}

function listedEntry(
  kind: string,
  meta: Pick<OwnedEntry, 'path' | 'mode' | 'uid' | 'gid'>,
  size: number,
  target: ByteString,
  devices: DeviceNumbers,
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
    case 'char':
    case 'block': {
      const numbers = devices.get(meta.path)
      if (numbers !== undefined) return { ...meta, type, ...numbers }
      throw new DockerToolsError('INTERNAL', `Cannot list a tree: the numbers of the device "${meta.path}" are missing`)
    }
    default:
      throw new DockerToolsError('INTERNAL', `Cannot list a tree: a file has the type "${kind}"`)
  }
}

/** Seconds with a fraction as milliseconds, to the bit as `lstat` gives them. */
function parseTime(text: string): number {
  const [seconds = '', fraction = ''] = text.split('.')
  return Number(seconds) * 1000 + Number(fraction.slice(0, 9).padEnd(9, '0')) / 1_000_000
}

/** Reads what `stat --printf '%t %T\\0%n\\0'` prints: both numbers hexadecimal, names beginning with `./`. */
export function parseDevices(text: string): DeviceNumbers {
  const devices = new Map<ByteString, { readonly major: number; readonly minor: number }>()
  const fields = text.split('\0')
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [major = '', minor = ''] = (fields[at] ?? '').split(' ')
    const path = (fields[at + 1] ?? '').replace(/^\.\//, '') as ByteString
    devices.set(path, { major: Number.parseInt(major, 16), minor: Number.parseInt(minor, 16) })
  }
  return devices
}
