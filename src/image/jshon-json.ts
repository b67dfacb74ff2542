import { encodeIndentedJson } from './indented-json.ts'
import type { JsonValue } from './json-value.ts'

/**
 * Writes JSON as `jshon` does: one space of indent, slashes escaped, other
 * characters as they are, a newline at the end.
 *
 * @see http://kmkeen.com/jshon/ and the `JSON_ESCAPE_SLASH` encoding of jansson
 */
export function encodeJshonJson(value: JsonValue): string {
  return `${encodeIndentedJson(value, { indent: ' ', encodeString, encodeFloat })}\n`
}

/** jansson writes control characters without a short form with upper-case digits. */
function encodeString(text: string): string {
  return JSON.stringify(text)
    .replaceAll('/', String.raw`\/`)
    .replaceAll(/\\u00([0-9a-f]{2})/g, (escape, digits: string, offset: number, whole: string) =>
      isEscaped(whole, offset) ? escape : `\\u00${digits.toUpperCase()}`,
    )
}

/** Whether the backslash at `offset` is itself the second of a pair. */
function isEscaped(text: string, offset: number): boolean {
  let backslashes = 0
  while (text[offset - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}

/** `%.17g`, with `.0` where that has neither point nor exponent. */
function encodeFloat(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e17) return `${value}.0`
  const exponent = Math.floor(Math.log10(Math.abs(value)))
  const [digits = '', power] = value.toExponential(16).split('e')
  const exact = Number(power ?? exponent)
  if (exact < -4 || exact >= 17) return `${trimmed(digits)}e${exact}`
  const text = trimmed(value.toPrecision(17))
  return text.includes('.') ? text : `${text}.0`
}

function trimmed(digits: string): string {
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits
}
