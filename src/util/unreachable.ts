import { DockerToolsError } from '#errors'

/** Marks a place that the compiler has shown cannot be reached; a new case of a union then does not compile. */
export function unreachable(value: never): never {
  throw new DockerToolsError('INTERNAL', `Cannot continue: this case was thought impossible: ${JSON.stringify(value)}`)
}
