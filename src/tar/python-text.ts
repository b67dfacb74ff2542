import type { ByteString } from '#util'
import { isAscii } from '#util'

/**
 * How many bytes the character at `index` has as Python's `surrogateescape`
 * sees it: a well-formed UTF-8 sequence is one character, and so is every byte
 * that belongs to none. The second result says whether it was well-formed.
 */
function characterAt(text: ByteString, index: number): { readonly bytes: number; readonly valid: boolean } {
  const first = text.charCodeAt(index)
  if (first < 0x80) return { bytes: 1, valid: true }
  const continuations =
    first >= 0xc2 && first <= 0xdf ? 1 : first >= 0xe0 && first <= 0xef ? 2 : first >= 0xf0 && first <= 0xf4 ? 3 : 0
  if (continuations === 0) return { bytes: 1, valid: false }
  // Over-long forms, surrogates and what is past U+10FFFF are no UTF-8: the second byte tells.
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  const second = text.charCodeAt(index + 1)
  if (!(second >= lowest && second <= highest)) return { bytes: 1, valid: false }
  for (let next = 2; next <= continuations; next++) {
    const byte = text.charCodeAt(index + next)
    if (!(byte >= 0x80 && byte <= 0xbf)) return { bytes: 1, valid: false }
  }
  return { bytes: 1 + continuations, valid: true }
}

/** What Python's `text.encode('ascii', 'replace')` gives: a `?` for each character that is not ASCII. */
export function pythonAsciiReplace(text: ByteString): ByteString {
  if (isAscii(text)) return text
  let result = ''
  for (let index = 0; index < text.length; index += characterAt(text, index).bytes) {
    const byte = text.charCodeAt(index)
    result += byte < 0x80 ? String.fromCharCode(byte) : '?'
  }
  return result as ByteString
}

/** Whether `text` is UTF-8, as Python's strict decoder sees it. */
export function isStrictUtf8(text: ByteString): boolean {
  if (isAscii(text)) return true
  for (let index = 0; index < text.length;) {
    const { bytes, valid } = characterAt(text, index)
    if (!valid) return false
    index += bytes
  }
  return true
}

/** Python's `round` of a float: halves go to the even neighbour. */
export function pythonRound(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1
  return below % 2 === 0 ? below : below + 1
}

/** Python's `str` of a number: a whole one as an `int`, any other as a `float`. */
export function pythonNumber(value: number): string {
  if (Number.isInteger(value)) return BigInt(value).toString()
  // Both languages print the fewest digits that read back the same; they differ in when they turn to exponents.
  if (Math.abs(value) >= 1e-4) return String(value)
  return value.toExponential().replace(/e-(\d)$/, 'e-0$1')
}
