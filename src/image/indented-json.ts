import { isJsonArray, JsonFloat, type JsonValue } from './json-value.ts'

/** In what the programs differ that write JSON a member a line. */
export interface JsonStyle {
  readonly indent: string
  encodeString(text: string): string
  encodeFloat(value: number): string
}

/** Writes JSON a member a line, empty containers closed at once, with no newline at the end. */
export function encodeIndentedJson(value: JsonValue, style: JsonStyle, lineBreak = '\n'): string {
  if (typeof value === 'string') return style.encodeString(value)
  if (value === null || typeof value !== 'object') return String(value)
  if (value instanceof JsonFloat) return style.encodeFloat(value.value)
  const inner = lineBreak + style.indent
  if (isJsonArray(value)) {
    if (value.length === 0) return '[]'
    return `[${value.map((item) => inner + encodeIndentedJson(item, style, inner)).join(',')}${lineBreak}]`
  }
  if (value.size === 0) return '{}'
  const members = [...value].map(
    ([name, item]) => `${inner}${style.encodeString(name)}: ${encodeIndentedJson(item, style, inner)}`,
  )
  return `{${members.join(',')}${lineBreak}}`
}
