import type { ByteString } from '#util'
import { compareByteStrings, isAscii } from '#util'

/**
 * Whose order siblings are in. Either way a directory comes before what is in
 * it, and that before its next sibling.
 *
 * - `bytes`: by byte value, as GNU tar's `--sort=name`.
 * - `pathlib`: as Python sorts `Path` objects, by code point. It differs only
 *   for names that are not UTF-8, whose odd bytes Python takes for U+DC80 to
 *   U+DCFF.
 */
export type TreeOrder = 'pathlib' | 'bytes'

/** The names of one directory, sorted. */
export function sortNames(names: readonly ByteString[], order: TreeOrder): ByteString[] {
  return names.toSorted(order === 'bytes' || names.every(isAscii) ? compareByteStrings : comparePythonNames)
}

/** A well-formed UTF-8 sequence of more than one byte, or, captured, a byte that belongs to none. */
const UTF8_OR_ODD_BYTE =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|([\x80-\xff])/g

function comparePythonNames(a: ByteString, b: ByteString): number {
  return compareByteStrings(codePointKey(a), codePointKey(b))
}

/** Byte order of UTF-8 is code point order, so it is enough to write the surrogates of odd bytes as if they were UTF-8. */
function codePointKey(name: ByteString): ByteString {
  if (isAscii(name)) return name
  return name.replace(UTF8_OR_ODD_BYTE, (sequence, odd: string | undefined) => {
    if (odd === undefined) return sequence
    const byte = odd.charCodeAt(0)
    return byte < 0xc0 ? `\xed\xb2${odd}` : `\xed\xb3${String.fromCharCode(byte - 0x40)}`
  }) as ByteString
}
