import { tarError } from './tar-error.ts'

/**
 * The number in a header field: octal digits, with spaces before and spaces or
 * NULs behind, or GNU's base 256. An empty field is 0.
 *
 * @param offset Of the field in the archive, for messages.
 */
export function decodeNumber(field: Uint8Array, what: string, offset: number): number {
  const first = field[0]
  const value = first !== undefined && first >= 0x80 ? decodeBase256(field, first) : decodeOctal(field)
  if (value === undefined) {
    const text = Buffer.from(field).toString('latin1')
    throw tarError('FORMAT_INVALID', offset, `the ${what} is ${JSON.stringify(text)}, it should be an octal number`)
  }
  if (!Number.isSafeInteger(value)) {
    throw tarError('FORMAT_INVALID', offset, `the ${what} is beyond 2^53, it should be below`)
  }
  return value
}

function decodeOctal(field: Uint8Array): number | undefined {
  let index = 0
  while (field[index] === 0x20) index++
  let value = 0
  for (; index < field.length; index++) {
    const byte = field[index] ?? 0
    if (byte === 0 || byte === 0x20) break
    if (byte < 0x30 || byte > 0x37) return undefined
    value = value * 8 + (byte - 0x30)
  }
  for (; index < field.length; index++) {
    if (field[index] !== 0 && field[index] !== 0x20) return undefined
  }
  return value
}

/** Big-endian two's complement behind the marking bit; the bit after it is the sign. */
function decodeBase256(field: Uint8Array, first: number): number {
  const negative = (first & 0x40) !== 0
  let value = negative ? (first & 0x7f) - 0x80 : first & 0x3f
  for (const byte of field.subarray(1)) value = value * 256 + byte
  return value
}
