declare const byteStringBrand: unique symbol

/**
 * Bytes in a string: one character a byte, codes 0 to 255.
 *
 * File names are bytes, and need not be UTF-8. Kept this way they cost no more
 * than ordinary strings, `<` and `===` compare bytes, and nothing is lost.
 * `readdirSync(path, { encoding: 'latin1' })` yields them at no cost.
 */
export type ByteString = string & { readonly [byteStringBrand]: true }

// oxlint-disable-next-line no-control-regex -- the range is all of ASCII on purpose
const ASCII_ONLY = /^[\x00-\x7f]*$/

/** Whether `text` has ASCII characters only, so that it is its own ByteString. */
export function isAscii(text: string): boolean {
  return ASCII_ONLY.test(text)
}

/** The UTF-8 bytes of `text`. */
export function toByteString(text: string): ByteString {
  return (isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1')) as ByteString
}

/** The bytes themselves as a ByteString. */
export function bytesToByteString(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1') as ByteString
}

/** The bytes that `value` stands for. */
export function byteStringToBytes(value: ByteString): Buffer {
  return Buffer.from(value, 'latin1')
}

/** The text that `value` is the UTF-8 of; bytes that are no UTF-8 become U+FFFD. For messages and JSON. */
export function byteStringToText(value: ByteString): string {
  return isAscii(value) ? value : Buffer.from(value, 'latin1').toString('utf8')
}

/** `value` in the form that `node:fs` takes as a path without changing a byte. */
export function toFsPath(value: ByteString): string | Buffer {
  return isAscii(value) ? value : Buffer.from(value, 'latin1')
}

/** Byte order: what `strcmp` and Nix sort by. */
export function compareByteStrings(a: ByteString, b: ByteString): number {
  return a < b ? -1 : a > b ? 1 : 0
}
