import { isRecipe } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { JsonFloat } from '#image'

/**
 * A definition as JSON that reads back as the same values: `config` of a JSON
 * definition is held as maps and exact numbers, which `JSON.stringify` would lose.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID` for what JSON has no word for.
 */
export function encodeDefinition(value: unknown): string {
  if (value instanceof JsonFloat) return encodeFloat(value.value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') {
    return Number.isInteger(value) ? String(BigInt(value)) : encodeFloat(value)
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(encodeDefinition).join(',')}]`
  if (typeof value === 'object' && !isRecipe(value)) return encodeMembers(value)
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot write the definition down: it holds a ${isRecipe(value) ? 'recipe' : typeof value} where a JSON value should be`,
  )
}

function encodeMembers(value: object): string {
  const members: readonly [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value)
  const known = members.filter(([, member]) => member !== undefined)
  return `{${known.map(([name, member]) => `${JSON.stringify(name)}:${encodeDefinition(member)}`).join(',')}}`
}

/** With a point or an exponent, which tells a float from an integer. */
function encodeFloat(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}
