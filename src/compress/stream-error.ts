import { DockerToolsError } from '#errors'

/** The error for a stream that ends too early. */
export function truncatedStream(format: string, cause?: unknown): DockerToolsError {
  return new DockerToolsError('TRUNCATED', `Cannot decompress ${format} stream: it ends before it is complete`, {
    cause,
    hint: 'Get the file again: it was cut short',
  })
}

/** The error for a stream that breaks the rules of its format. */
export function brokenStream(format: string, what: string, cause?: unknown): DockerToolsError {
  return new DockerToolsError('FORMAT_INVALID', `Cannot decompress ${format} stream: ${what}`, { cause })
}

/** The error for a stream that uses a part of its format that is not supported. */
export function unsupportedStream(format: string, what: string, hint?: string): DockerToolsError {
  const message = `Cannot decompress ${format} stream: ${what}`
  return new DockerToolsError('FORMAT_UNSUPPORTED', message, hint === undefined ? {} : { hint })
}

/** The error for a stream that wants more history in memory than it may have. */
export function windowTooLarge(format: string, what: string, maxWindowBytes: number): DockerToolsError {
  return new DockerToolsError(
    'LIMIT_EXCEEDED',
    `Cannot decompress ${format} stream: ${what}, the limit "maxWindowBytes" is ${maxWindowBytes}`,
    { hint: 'If the data is to be trusted, raise the limit "maxWindowBytes"' },
  )
}
