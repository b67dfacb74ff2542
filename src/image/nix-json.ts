import { toByteString } from '#util'
import { isJsonArray, JsonFloat, type JsonObject, type JsonValue } from './json-value.ts'
import { pythonFloat } from './python-float.ts'

/**
 * Writes JSON as Nix's `builtins.toJSON` does: members sorted by the bytes of
 * their names, no white space, characters outside ASCII as they are. The same
 * value gives the same text, whatever order it was written in.
 */
export function encodeNixJson(value: JsonValue): string {
  if (value === null || typeof value !== 'object')
    return typeof value === 'string' ? encodeString(value) : String(value)
  if (value instanceof JsonFloat) return Number.isInteger(value.value) ? String(value.value) : pythonFloat(value.value)
  if (isJsonArray(value)) return `[${value.map(encodeNixJson).join(',')}]`
  return `{${[...sortMembers(value)].map(([name, item]) => `${encodeString(name)}:${encodeNixJson(item)}`).join(',')}}`
}

/** The value with the members of all its objects in the order of a Nix attribute set. */
export function sortJson(value: JsonValue): JsonValue {
  if (isJsonArray(value)) return value.map(sortJson)
  if (!(value instanceof Map)) return value
  return new Map([...sortMembers(value as JsonObject)].map(([name, item]) => [name, sortJson(item)]))
}

function sortMembers(value: JsonObject): JsonObject {
  const keyed = [...value].map(([name, item]) => ({ bytes: toByteString(name), name, item }))
  keyed.sort((a, b) => (a.bytes < b.bytes ? -1 : a.bytes > b.bytes ? 1 : 0))
  return new Map(keyed.map(({ name, item }) => [name, item]))
}

/** Nix has no short forms for backspace and form feed, and no escape for DEL. */
function encodeString(text: string): string {
  return JSON.stringify(text).replace(/\\[bf\\"]/g, (escape) => SHORT_FORMS[escape] ?? escape)
}

const SHORT_FORMS: Readonly<Record<string, string>> = { '\\b': '\\u0008', '\\f': '\\u000c' }
