import { isRealisable } from '#derivation'
import { DockerToolsError } from '#errors'
import { JsonFloat, type JsonValue } from '#image'

const MAX_DEPTH = 500

/**
 * A value of a definition as JSON. Members that are undefined are left out, as
 * JSON has no word for them; everything else that JSON cannot say is refused.
 *
 * @param where Names the value in errors, for example `config`.
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 */
export function toJsonValue(value: unknown, where: string, depth = 0): JsonValue {
  if (depth > MAX_DEPTH) throw refuse(where, 'it is nested too deep, or holds itself')
  if (value === null || typeof value === 'boolean' || typeof value === 'string' || typeof value === 'bigint')
    return value
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refuse(where, `it is ${value}, which JSON has no word for`)
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) return BigInt(value)
    return Number.isInteger(value) ? value : new JsonFloat(value)
  }
  if (value instanceof JsonFloat) return value
  // As in Nix, what stands for an output is its path: a placeholder until that is known.
  if (isRealisable(value)) return value.toString()
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => toJsonValue(item, `${where}[${index}]`, depth + 1))
  }
  if (typeof value !== 'object') throw refuse(where, `it is a ${typeof value}, it should be a JSON value`)
  const members: Iterable<[unknown, unknown]> = value instanceof Map ? value : Object.entries(value)
  const result = new Map<string, JsonValue>()
  for (const [name, member] of members) {
    if (typeof name !== 'string') throw refuse(where, 'its members should be named by strings')
    if (member !== undefined) result.set(name, toJsonValue(member, `${where}.${name}`, depth + 1))
  }
  return result
}

function refuse(where: string, reason: string): DockerToolsError {
  return new DockerToolsError('DEFINITION_INVALID', `Cannot use ${where}: ${reason}`)
}
