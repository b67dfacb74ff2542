import type { ByteString } from '#util'
import { TAR_BLOCK_BYTES } from './tar-format.ts'

/** One header block with values that fit their fields; strings longer than theirs are cut. */
export interface HeaderBlock {
  readonly magic: 'ustar' | 'gnu'
  readonly name: ByteString
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtimeSeconds: number
  /** Character code. */
  readonly typeflag: number
  readonly linkname: ByteString
  readonly uname: ByteString
  readonly gname: ByteString
  /** Device numbers; other members leave these fields empty. */
  readonly device: { readonly major: number; readonly minor: number } | undefined
}

/** The largest number of a field of 8 bytes in octal. */
export const MAX_OCTAL_7 = 0o7777777
/** The largest number of a field of 12 bytes in octal. */
export const MAX_OCTAL_11 = 0o77777777777

const SPACE = 0x20
const ZERO = 0x30
const CHECKSUM_START = 148

/** A block with nothing in it, and its sum as if the checksum were spaces. Most digits of most headers are zeros. */
interface Template {
  readonly bytes: Uint8Array
  readonly sum: number
}

const TEMPLATES: Readonly<Record<HeaderBlock['magic'], Template>> = {
  ustar: template('ustar\x0000'),
  gnu: template('ustar  \0'),
}

function template(magic: string): Template {
  const bytes = Buffer.alloc(TAR_BLOCK_BYTES)
  bytes.fill('0000000\0', 100, 124)
  bytes.fill('00000000000\0', 124, 148)
  bytes.fill('000000\0 ', CHECKSUM_START, 156)
  bytes.write(magic, 257, 'latin1')
  const checksumField = bytes.subarray(CHECKSUM_START, 156)
  return { bytes, sum: sumOf(bytes) - sumOf(checksumField) + 8 * SPACE }
}

function sumOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum + byte, 0)
}

/**
 * Writes the block at `offset`. This is the hottest function of the package, so
 * the sum of the bytes is kept up on the way instead of in a second pass,
 * nothing is allocated, and the block begins as a copy: that is three times
 * faster than `fill` where the memory is shared.
 */
export function writeHeaderBlock(block: HeaderBlock, target: Uint8Array, offset: number): void {
  const { bytes, sum: emptySum } = TEMPLATES[block.magic]
  target.set(bytes, offset)
  let sum = emptySum + block.typeflag
  sum += writeString(target, offset, block.name, 100)
  sum += writeNumber(target, offset + 100, 8, block.mode)
  sum += writeNumber(target, offset + 108, 8, block.uid)
  sum += writeNumber(target, offset + 116, 8, block.gid)
  sum += writeNumber(target, offset + 124, 12, block.size)
  sum += writeNumber(target, offset + 136, 12, block.mtimeSeconds)
  target[offset + 156] = block.typeflag
  sum += writeString(target, offset + 157, block.linkname, 100)
  sum += writeString(target, offset + 265, block.uname, 32)
  sum += writeString(target, offset + 297, block.gname, 32)
  if (block.device !== undefined) {
    sum += writeDeviceNumber(target, offset + 329, block.device.major)
    sum += writeDeviceNumber(target, offset + 337, block.device.minor)
  }
  // Six digits, NUL, space: the one number that does not fill its field.
  writeOctal(target, offset + CHECKSUM_START + 6, sum)
}

/** @returns The sum of the bytes. */
function writeString(target: Uint8Array, offset: number, value: ByteString, width: number): number {
  const length = Math.min(value.length, width)
  let sum = 0
  for (let index = 0; index < length; index++) {
    const byte = value.charCodeAt(index)
    target[offset + index] = byte
    sum += byte
  }
  return sum
}

/**
 * Writes a number over a field that says 0.
 *
 * @returns By how much the sum of its bytes has grown.
 */
function writeNumber(target: Uint8Array, offset: number, width: 8 | 12, value: number): number {
  if (value >= 0 && value <= (width === 8 ? MAX_OCTAL_7 : MAX_OCTAL_11)) {
    return writeOctal(target, offset + width - 1, value)
  }
  return writeBase256(target, offset, width, value) - (width - 1) * ZERO
}

/** A number over an empty field. */
function writeDeviceNumber(target: Uint8Array, offset: number, value: number): number {
  target.fill(ZERO, offset, offset + 7)
  return writeNumber(target, offset, 8, value) + 7 * ZERO
}

/** Digits of an integer of 30 bits, so that they come out of integer operations. */
const HALF_DIGITS = 8
const HALF = 8 ** HALF_DIGITS

/**
 * Writes the digits of a number, the last one before `end`, over as many zeros.
 *
 * @returns By how much the sum of the bytes has grown.
 */
function writeOctal(target: Uint8Array, end: number, value: number): number {
  if (value < HALF) return writeSmallOctal(target, end, value)
  const low = value % HALF
  return writeSmallOctal(target, end, low) + writeSmallOctal(target, end - HALF_DIGITS, (value - low) / HALF)
}

function writeSmallOctal(target: Uint8Array, end: number, value: number): number {
  let sum = 0
  for (let rest = value | 0, index = end - 1; rest > 0; rest >>>= 3, index--) {
    const digit = rest & 7
    target[index] = ZERO + digit
    sum += digit
  }
  return sum
}

/** GNU's way for what octal cannot say: big-endian two's complement behind a byte 0x80, or 0xff where it is negative. */
function writeBase256(target: Uint8Array, offset: number, width: number, value: number): number {
  let rest = value
  let sum = 0
  for (let index = width - 1; index > 0; index--) {
    const byte = ((rest % 256) + 256) % 256
    target[offset + index] = byte
    sum += byte
    rest = Math.floor(rest / 256)
  }
  const first = value < 0 ? 0xff : 0x80
  target[offset] = first
  return sum + first
}
