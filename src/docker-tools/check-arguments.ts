import * as v from 'valibot'
import { DockerToolsError } from '#errors'
import { nearestName } from '#util'

/**
 * Checks the arguments of a function against its schema.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID`, naming the function, the argument,
 *   what it is and what it should be; for an unknown argument the nearest known one.
 */
export function checkArguments<T extends v.GenericSchema & { readonly entries: object }>(
  functionName: string,
  schema: T,
  args: unknown,
): v.InferOutput<T> {
  if (typeof args !== 'object' || args === null || Array.isArray(args)) {
    throw new DockerToolsError('DEFINITION_INVALID', `Cannot call ${functionName}: its arguments should be an object`)
  }
  const known = Object.keys(schema.entries)
  const unknown = Object.keys(args).find((name) => !known.includes(name))
  if (unknown !== undefined) throw unknownArgument(functionName, unknown, known)
  const result = v.safeParse(schema, args, { abortEarly: true })
  if (result.success) return result.output
  const [issue] = result.issues
  const path = v.getDotPath(issue) ?? 'arguments'
  const reason = issue.received === 'undefined' && issue.input === undefined ? 'it is missing' : issue.message
  throw new DockerToolsError('DEFINITION_INVALID', `Cannot call ${functionName}: argument "${path}": ${reason}`)
}

function unknownArgument(functionName: string, name: string, known: readonly string[]): DockerToolsError {
  const nearest = nearestName(name, known)
  return new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot call ${functionName}: there is no argument "${name}"${nearest === undefined ? '' : `, the nearest is "${nearest}"`}`,
    { hint: `The arguments are ${known.join(', ')}` },
  )
}
