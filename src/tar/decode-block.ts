import type { ByteString } from '#util'
import { decodeNumber } from './decode-number.ts'
import { tarError } from './tar-error.ts'

/** Which variety of tar a header is of, as its magic says. `pax` is `ustar` with extended records. */
export type TarFormat = 'v7' | 'ustar' | 'star' | 'gnu' | 'pax'

/** A header block as it is, before extended headers are applied. */
export interface DecodedBlock {
  readonly format: Exclude<TarFormat, 'pax'>
  /** One character; `\0` in old archives, for a file. */
  readonly typeflag: string
  readonly name: ByteString
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtimeSeconds: number
  readonly linkname: ByteString
  readonly uname: ByteString
  readonly gname: ByteString
  /** 0 unless this is a device. */
  readonly major: number
  /** 0 unless this is a device. */
  readonly minor: number
}

const EMPTY = '' as ByteString
const CHECKSUM_START = 148
const CHECKSUM_END = 156

/** Whether the block is all zeros: half an end marker. */
export function isZeroBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0)
}

/**
 * Decodes a header block.
 *
 * @param offset Of the block in the archive, for messages.
 * @throws {DockerToolsError} `FORMAT_INVALID` if the checksum is wrong or a
 *   number is none.
 */
export function decodeBlock(bytes: Uint8Array, offset: number): DecodedBlock {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  checkSum(block, offset)
  const number = (start: number, end: number, what: string): number => decodeNumber(block, start, end, what, offset)
  const format = formatOf(block)
  const typeflag = String.fromCharCode(block[156] ?? 0)
  const isDevice = typeflag === '3' || typeflag === '4'
  const extended = format !== 'v7'
  const prefix = prefixOf(block, format)
  const name = text(block, 0, 100)
  const size = number(124, 136, 'size')
  if (size < 0) throw tarError('FORMAT_INVALID', offset + 124, `the size is ${size}, it should not be negative`)
  return {
    format,
    typeflag,
    name: prefix === '' ? name : (`${prefix}/${name}` as ByteString),
    mode: number(100, 108, 'mode'),
    uid: number(108, 116, 'user number'),
    gid: number(116, 124, 'group number'),
    size,
    mtimeSeconds: number(136, 148, 'time'),
    linkname: text(block, 157, 257),
    uname: extended ? text(block, 265, 297) : EMPTY,
    gname: extended ? text(block, 297, 329) : EMPTY,
    major: isDevice ? number(329, 337, 'device number') : 0,
    minor: isDevice ? number(337, 345, 'device number') : 0,
  }
}

/** Only POSIX archives continue names in the prefix; GNU keeps other things there, and star has 24 bytes fewer for it. */
function prefixOf(block: Buffer, format: DecodedBlock['format']): ByteString {
  if (format === 'ustar') return text(block, 345, 500)
  return format === 'star' ? text(block, 345, 476) : EMPTY
}

const GNU_MAGIC = Buffer.from('ustar  \0')
const POSIX_MAGIC = Buffer.from('ustar')
const STAR_MAGIC = Buffer.from('tar\0')

function formatOf(block: Buffer): DecodedBlock['format'] {
  if (stands(GNU_MAGIC, block, 257)) return 'gnu'
  if (!stands(POSIX_MAGIC, block, 257)) return 'v7'
  return stands(STAR_MAGIC, block, 508) ? 'star' : 'ustar'
}

/** Byte by byte, here and below: a call of the runtime for so few takes longer, and archives have many headers. */
function stands(magic: Buffer, block: Buffer, start: number): boolean {
  for (let index = 0; index < magic.length; index++) if (block[start + index] !== magic[index]) return false
  return true
}

/** Some old programs added the bytes as signed ones. */
function checkSum(block: Uint8Array, offset: number): void {
  const stored = decodeNumber(block, CHECKSUM_START, CHECKSUM_END, 'checksum', offset)
  let sum = (CHECKSUM_END - CHECKSUM_START) * 0x20
  let high = 0
  for (let index = 0; index < block.length; index++) {
    if (index >= CHECKSUM_START && index < CHECKSUM_END) continue
    const byte = block[index] ?? 0
    sum += byte
    if (byte >= 0x80) high++
  }
  if (stored === sum || stored === sum - high * 256) return
  throw tarError('FORMAT_INVALID', offset, `the checksum of the header is ${sum}, it should be ${stored}`)
}

function text(block: Buffer, start: number, end: number): ByteString {
  let nul = start
  while (nul < end && block[nul] !== 0) nul++
  return nul === start ? EMPTY : (block.toString('latin1', start, nul) as ByteString)
}
