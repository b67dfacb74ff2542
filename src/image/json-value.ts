/**
 * A number that JSON writes with a point or an exponent. JavaScript cannot tell
 * `1.0` from `1`; upstream's Python can, and writes it back as it was.
 */
export class JsonFloat {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

/**
 * Members in the order they were written in. An ordinary object would not do:
 * it moves names like `80`, which image configurations have, to the front.
 */
export type JsonObject = ReadonlyMap<string, JsonValue>

/** JSON as image configurations need it: whole numbers of any size, floats apart from them, members in order. */
export type JsonValue = null | boolean | number | bigint | string | JsonFloat | readonly JsonValue[] | JsonObject

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map
}

export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** Shorthand for a JsonObject with these members. */
export function jsonObject(members: Readonly<Record<string, JsonValue>>): JsonObject {
  return new Map(Object.entries(members))
}
