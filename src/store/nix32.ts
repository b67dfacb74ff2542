import { DockerToolsError } from '#errors'

/** The digits and lower-case letters without `e`, `o`, `u`, `t`, so that hashes spell no words. */
export const NIX32_ALPHABET = '0123456789abcdfghijklmnpqrsvwxyz'

const DIGIT_OF_CODE = makeDigitTable()

/**
 * Nix's base 32: five bits a character, from the last byte to the first, least
 * significant bits of the bytes at the end of the text.
 *
 * @see nix `src/libutil/hash.cc`, `printHash32`
 */
export function encodeNix32(bytes: Uint8Array): string {
  let text = ''
  for (let position = nix32Length(bytes.length) - 1; position >= 0; position--) {
    const bit = position * 5
    const index = Math.floor(bit / 8)
    const pair = bytes[index]! + (bytes[index + 1] ?? 0) * 256
    text += NIX32_ALPHABET[(pair >>> (bit % 8)) & 31]!
  }
  return text
}

/**
 * The bytes that `text` stands for.
 *
 * @throws {DockerToolsError} `FORMAT_INVALID` for a foreign character, a length
 *   that no number of bytes has, or bits beyond the last byte.
 */
export function decodeNix32(text: string): Uint8Array {
  const size = Math.floor((text.length * 5) / 8)
  if (nix32Length(size) !== text.length) {
    throw invalid(text, `its length ${text.length} fits no number of bytes`)
  }
  const bytes = new Uint8Array(size)
  for (let position = 0; position < text.length; position++) {
    const digit = DIGIT_OF_CODE[text.charCodeAt(text.length - 1 - position)]
    if (digit === undefined || digit < 0) throw invalid(text, 'it has a character that is none of the alphabet')
    const bit = position * 5
    const index = Math.floor(bit / 8)
    const pair = digit << (bit % 8)
    bytes[index]! |= pair & 0xff
    const carry = pair >>> 8
    if (carry === 0) continue
    if (index + 1 >= size) throw invalid(text, 'its first character stands for more bits than there are')
    bytes[index + 1]! |= carry
  }
  return bytes
}

/** Characters that `byteCount` bytes take. */
export function nix32Length(byteCount: number): number {
  return byteCount === 0 ? 0 : Math.floor((byteCount * 8 - 1) / 5) + 1
}

function makeDigitTable(): Int8Array {
  const table = new Int8Array(128).fill(-1)
  for (let digit = 0; digit < NIX32_ALPHABET.length; digit++) table[NIX32_ALPHABET.charCodeAt(digit)] = digit
  return table
}

function invalid(text: string, fault: string): DockerToolsError {
  const shown = JSON.stringify(text.slice(0, 200))
  return new DockerToolsError(
    'FORMAT_INVALID',
    `Cannot decode base-32 text ${shown}: ${fault}, it should be base 32 as Nix writes it`,
  )
}
