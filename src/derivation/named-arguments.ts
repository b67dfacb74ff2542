import { DockerToolsError } from '#errors'
import { nearestName } from '#util'

/**
 * Arguments of a builder that come one after the other, as in Nix, or as one
 * object, as in JSON; checked for their names.
 *
 * @param given All arguments of the call.
 * @param order The names that arguments have by their place.
 * @param more Names that only an object can have.
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 */
export function namedArguments(
  builder: string,
  given: readonly unknown[],
  order: readonly string[],
  more: readonly string[] = [],
): Readonly<Record<string, unknown>> {
  const [first] = given
  const isObject =
    given.length === 1 &&
    typeof first === 'object' &&
    first !== null &&
    Object.getPrototypeOf(first) === Object.prototype
  if (!isObject) {
    if (order.length === 0 || given.length !== order.length) {
      const form = order.length === 0 ? 'one object' : `one object, or ${order.join(', ')}`
      throw invalid(builder, `it got ${given.length} arguments, it should get ${form}`)
    }
    return Object.fromEntries(order.map((name, index) => [name, given[index]]))
  }
  const known = [...order, ...more]
  const unknown = Object.keys(first).find((name) => !known.includes(name))
  if (unknown === undefined) return first as Readonly<Record<string, unknown>>
  const nearest = nearestName(unknown, known)
  throw invalid(
    builder,
    `there is no argument "${unknown}"${nearest === undefined ? '' : `, the nearest is "${nearest}"`}`,
    `The arguments are ${known.join(', ')}`,
  )
}

/** One argument, checked. */
export function argumentOf<Value>(
  builder: string,
  args: Readonly<Record<string, unknown>>,
  name: string,
  is: (value: unknown) => value is Value,
  should: string,
): Value {
  const value = args[name]
  if (is(value)) return value
  throw invalid(builder, `argument "${name}": ${value === undefined ? 'it is missing' : `it should be ${should}`}`)
}

/** One that may be missing. */
export function optionalOf<Value>(
  builder: string,
  args: Readonly<Record<string, unknown>>,
  name: string,
  is: (value: unknown) => value is Value,
  should: string,
): Value | undefined {
  return args[name] === undefined ? undefined : argumentOf(builder, args, name, is, should)
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\0')
}

export function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean'
}

/** What a builder says of its arguments. */
export function invalid(builder: string, fault: string, hint?: string): DockerToolsError {
  const more = hint === undefined ? {} : { hint }
  return new DockerToolsError('DEFINITION_INVALID', `Cannot call ${builder}: ${fault}`, more)
}
