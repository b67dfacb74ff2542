import { join } from 'node:path'
import { homeDirectory } from '#util'
import type { BuildOptions } from './recipe.ts'

/** Where things are remembered between runs; undefined where nothing is to be. */
export function cacheDirectoryOf(options: Pick<BuildOptions, 'cacheDirectory' | 'environment'>): string | undefined {
  if (options.cacheDirectory !== undefined) return options.cacheDirectory ?? undefined
  const environment = options.environment ?? process.env
  const base = environment['XDG_CACHE_HOME']
  // The XDG specification: a relative path is no path.
  return join(base?.startsWith('/') === true ? base : join(homeDirectory(environment), '.cache'), 'dockertools')
}
