import { DockerToolsError } from '#errors'
import type { ByteString } from '#util'
import type { OwnedEntry } from './runner.ts'

/**
 * What `find` says of each file, by path. It is all that changes when a file does; its change time cannot be set back by
 * a script. Most files are looked at no closer, so it is left as a text; `parseListed` reads it.
 */
export type Listing = ReadonlyMap<ByteString, string>

/** A file as `find` lists it. */
export interface ListedFile {
  readonly entry: OwnedEntry
  readonly inode: string
  /** Milliseconds since 1970, with a fraction. */
  readonly ctimeMs: number
}

/** A device's two numbers, by path. */
export type DeviceNumbers = ReadonlyMap<ByteString, { readonly major: number; readonly minor: number }>

/** What `find` is asked to print of each file: its path, then all else. A link's target may have spaces in it. */
export const LISTING_FORMAT: string = String.raw`%P\0%y %i %m %U %G %s %T@ %C@ %l\0`

/** Type, inode, mode, user, group, size, two times; the rest is a link's target. */
const FIELDS = /^(\w) (\d+) ([0-7]+) (\d+) (\d+) (\d+) \S+ (\S+) (.*)$/s

const NO_DEVICES: DeviceNumbers = new Map()

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
export async function readListing(source: AsyncIterable<Uint8Array>): Promise<Listing> {
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
export function parseListing(text: string): Listing {
  const files = new Map<ByteString, string>()
  const fields = text.split('\0')
  for (let at = 0; at + 1 < fields.length; at += 2) files.set(fields[at] as ByteString, fields[at + 1] ?? '')
  return files
}

/**
 * Reads one row of a listing.
 *
 * @param devices Numbers of the devices in it, which `find` cannot print.
 */
export function parseListed(path: ByteString, text: string, devices: DeviceNumbers = NO_DEVICES): ListedFile {
  const found = FIELDS.exec(text)
  if (found === null) throw new DockerToolsError('INTERNAL', `Cannot list a tree: "${path}" is "${text}"`)
  const [, kind = '', inode = '', mode = '', uid = '', gid = '', size = '', changed = '', target = ''] = found
  const meta = { path, mode: Number.parseInt(mode, 8), uid: Number(uid), gid: Number(gid) }
  const entry = listedEntry(kind, meta, Number(size), target as ByteString, devices)
  return { entry, inode, ctimeMs: parseTime(changed) }
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
