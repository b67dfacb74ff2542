import { isJsonArray, JsonFloat, type JsonValue } from './json-value.ts'
import { pythonFloat } from './python-float.ts'

/**
 * Writes JSON as `jq .` does: two spaces of indent, characters outside ASCII as
 * they are, DEL escaped, a newline at the end.
 */
export function encodeJqJson(value: JsonValue): string {
  return `${encode(value, '\n')}\n`
}

function encode(value: JsonValue, lineBreak: string): string {
  if (value === null || typeof value !== 'object')
    return typeof value === 'string' ? encodeString(value) : String(value)
  if (value instanceof JsonFloat) return Number.isInteger(value.value) ? String(value.value) : pythonFloat(value.value)
  const inner = `${lineBreak}  `
  if (isJsonArray(value)) {
    if (value.length === 0) return '[]'
    return `[${value.map((item) => inner + encode(item, inner)).join(',')}${lineBreak}]`
  }
  if (value.size === 0) return '{}'
  const members = [...value].map(([name, item]) => `${inner}${encodeString(name)}: ${encode(item, inner)}`)
  return `{${members.join(',')}${lineBreak}}`
}

function encodeString(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f')
}
