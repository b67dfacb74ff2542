import { encodeIndentedJson } from './indented-json.ts'
import type { JsonValue } from './json-value.ts'
import { pythonFloat } from './python-float.ts'

/**
 * Writes JSON as `jq .` does: two spaces of indent, characters outside ASCII as
 * they are, DEL escaped, a newline at the end.
 */
export function encodeJqJson(value: JsonValue): string {
  return `${encodeIndentedJson(value, { indent: '  ', encodeString, encodeFloat })}\n`
}

function encodeString(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f')
}

function encodeFloat(value: number): string {
  return Number.isInteger(value) ? String(value) : pythonFloat(value)
}
