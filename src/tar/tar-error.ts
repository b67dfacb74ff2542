import { DockerToolsError, type ErrorCode } from '#errors'
import type { TarLimits } from './tar-limits.ts'

/**
 * The error for an archive that cannot be read.
 *
 * @param offset Where in the archive, in bytes.
 * @param why What is there, and what should be.
 */
export function tarError(
  code: Extract<ErrorCode, 'FORMAT_INVALID' | 'FORMAT_UNSUPPORTED' | 'TRUNCATED'>,
  offset: number,
  why: string,
): DockerToolsError {
  return new DockerToolsError(code, `Cannot read the tar archive: at byte ${offset} ${why}`)
}

/**
 * Throws if `value` is above the limit of this name.
 *
 * @param what Says what there is of it. Asked only then: a text for each member of an archive takes longer than reading it.
 */
export function checkLimit(
  limits: TarLimits,
  name: keyof TarLimits,
  value: number,
  offset: number,
  what: (value: number) => string,
): void {
  if (value <= limits[name]) return
  throw new DockerToolsError(
    'LIMIT_EXCEEDED',
    `Cannot read the tar archive: at byte ${offset} ${what(value)}, ${name} is ${limits[name]}`,
    { hint: `Raise ${name} if the archive is to be trusted` },
  )
}
