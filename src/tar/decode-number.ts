import { tarError } from './tar-error.ts'

/**
 * The number in a field of a header block: octal digits, with spaces before and
 * spaces or NULs behind, or GNU's base 256. An empty field is 0.
 *
 * @param start Where in the block the field begins, and where it ends.
 * @param offset Of the block in the archive, for messages.
 */
export function decodeNumber(block: Uint8Array, start: number, end: number, what: string, offset: number): number {
  const first = block[start]
  const value =
    first !== undefined && first >= 0x80
      ? decodeBase256(block.subarray(start, end), first)
      : decodeOctal(block, start, end)
  if (value === undefined) {
    const text = Buffer.from(block.subarray(start, end)).toString('latin1')
    const why = `the ${what} is ${JSON.stringify(text)}, it should be an octal number`
    throw tarError('FORMAT_INVALID', offset + start, why)
  }
  if (!Number.isSafeInteger(value)) {
    throw tarError('FORMAT_INVALID', offset + start, `the ${what} is beyond 2^53, it should be below`)
  }
  return value
}

/** In the block as it is: a view of each field would take longer than reading it. */
function decodeOctal(block: Uint8Array, start: number, end: number): number | undefined {
  let index = start
  while (index < end && block[index] === 0x20) index++
  let value = 0
  for (; index < end; index++) {
    const byte = block[index] ?? 0
    if (byte === 0 || byte === 0x20) break
    if (byte < 0x30 || byte > 0x37) return undefined
    value = value * 8 + (byte - 0x30)
  }
  for (; index < end; index++) {
    if (block[index] !== 0 && block[index] !== 0x20) return undefined
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
