import { JsonFloat, type JsonValue } from '#image'

/** JSON as ordinary objects, for arguments: their order does not count, and their numbers are small. */
export function toPlain(value: JsonValue): unknown {
  if (value instanceof JsonFloat) return value.value
  if (value instanceof Map) {
    return Object.fromEntries(
      [...(value as ReadonlyMap<string, JsonValue>)].map(([name, item]) => [name, toPlain(item)]),
    )
  }
  return Array.isArray(value) ? value.map((item: JsonValue) => toPlain(item)) : value
}
