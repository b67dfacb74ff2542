import { DockerToolsError, type DockerToolsErrorOptions } from '#errors'
import type { StorePath } from './store-path.ts'

/** The error for a path that a store does not have. */
export function pathMissing(path: StorePath, uri: string, options: DockerToolsErrorOptions = {}): DockerToolsError {
  return new DockerToolsError(
    'STORE_PATH_MISSING',
    `Cannot find store path "${path}": store "${uri}" does not have it`,
    options,
  )
}
