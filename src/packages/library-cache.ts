import { type ByteString, bytesToByteString } from '#util'
import { BinaryFile } from './binary-file.ts'

/** Where libraries are, by their name: several for several targets. */
export type LibraryCache = ReadonlyMap<ByteString, readonly ByteString[]>

const OLD_MAGIC = 'ld.so-1.7.0\0'
const OLD_HEADER_BYTES = 16
const OLD_ENTRY_BYTES = 12
const NEW_MAGIC = 'glibc-ld.so.cache1.1'
const NEW_HEADER_BYTES = 48
const NEW_ENTRY_BYTES = 24
const MAX_CACHE_BYTES = 16 * 1024 * 1024
/** The kind of a library, without its processor: `FLAG_ELF_LIBC6`. */
const LIBC6 = 3

/**
 * Reads the list of libraries that `ldconfig` makes. It is in the byte order
 * of the machine, which Node's programs share.
 *
 * Entries for processors with certain abilities are left out, so that the
 * answer does not depend on which one this machine has.
 *
 * @returns Nothing where the file is not there, or is no such list: the loader then looks elsewhere as well.
 * @see glibc `sysdeps/generic/dl-cache.h`
 */
export function readLibraryCache(path: ByteString): LibraryCache {
  using file = BinaryFile.open(path)
  if (file === undefined || file.size > MAX_CACHE_BYTES) return new Map()
  const whole = file.readUpTo(0, file.size)
  const start = newPart(whole)
  return start === undefined ? new Map() : readEntries(whole.subarray(start))
}

/** Where the list in today's form begins: at the start, or behind one in the old form. */
function newPart(bytes: Buffer): number | undefined {
  if (hasText(bytes, 0, NEW_MAGIC)) return 0
  if (!hasText(bytes, 0, OLD_MAGIC) || bytes.length < OLD_HEADER_BYTES) return undefined
  const end = OLD_HEADER_BYTES + readNumber(bytes, OLD_MAGIC.length) * OLD_ENTRY_BYTES
  const aligned = Math.ceil(end / 8) * 8
  return hasText(bytes, aligned, NEW_MAGIC) ? aligned : undefined
}

function readEntries(bytes: Buffer): LibraryCache {
  const found = new Map<ByteString, ByteString[]>()
  if (bytes.length < NEW_HEADER_BYTES) return found
  const count = readNumber(bytes, NEW_MAGIC.length)
  for (let index = 0; index < count; index++) {
    const at = NEW_HEADER_BYTES + index * NEW_ENTRY_BYTES
    // Cut short or made up: what cannot be read is not used, as the loader does.
    if (at + NEW_ENTRY_BYTES > bytes.length) break
    const hasConditions = bytes.readUInt32LE(at + 16) !== 0 || bytes.readUInt32LE(at + 20) !== 0
    if ((readNumber(bytes, at) & 0xff) !== LIBC6 || hasConditions) continue
    const name = readText(bytes, readNumber(bytes, at + 4))
    const path = readText(bytes, readNumber(bytes, at + 8))
    if (name === undefined || path === undefined || !path.startsWith('/')) continue
    const paths = found.get(name)
    if (paths === undefined) found.set(name, [path])
    else paths.push(path)
  }
  return found
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

function readNumber(bytes: Buffer, at: number): number {
  return IS_LITTLE_ENDIAN ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
}

function readText(bytes: Buffer, at: number): ByteString | undefined {
  const end = at < bytes.length ? bytes.indexOf(0, at) : -1
  return end === -1 ? undefined : bytesToByteString(bytes.subarray(at, end))
}

function hasText(bytes: Buffer, at: number, text: string): boolean {
  return bytes.subarray(at, at + text.length).toString('latin1') === text
}
