import { DockerToolsError } from '#errors'

/**
 * A name that a manifest gives, without `./` at its start.
 *
 * @throws {DockerToolsError} `PATH_UNSAFE` if it is absolute, empty, or has `..` or NUL in it.
 */
export function safeName(name: string, what: string): string {
  const parts = name.split('/').filter((part) => part !== '.')
  const isUnsafe = name.startsWith('/') || parts.length === 0 || parts.includes('..') || name.includes('\0')
  if (!isUnsafe && parts.join('/') !== '') return parts.join('/')
  throw new DockerToolsError(
    'PATH_UNSAFE',
    `Cannot read ${what}: it names "${name}", which should be a relative path without ".."`,
  )
}
