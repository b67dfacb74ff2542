import { DockerToolsError } from '#errors'

/** The error for an image that is not what it should be: whoever wrote it had the whole of it in hand. */
export function diskError(what: string, code: 'FORMAT_INVALID' | 'FORMAT_UNSUPPORTED' = 'FORMAT_INVALID'): Error {
  return new DockerToolsError(code, `Cannot read the disk: ${what}`)
}

export function diskLimit(name: string, what: string, limit: number): Error {
  return new DockerToolsError('LIMIT_EXCEEDED', `Cannot read the disk: ${what}, ${name} is ${limit}`)
}
