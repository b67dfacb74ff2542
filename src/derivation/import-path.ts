import { basename, resolve } from 'node:path'
import type { ScannedEntry } from '#tree'
import { byteStringToText } from '#util'
import { type Built, makeBuilt } from './built.ts'
import { argumentOf, invalid, isText, namedArguments, optionalOf } from './named-arguments.ts'
import type { RealiseSession } from './realisable.ts'
import type { StorePath } from '#store'

/** Arguments of `importPath`. */
export interface ImportPathArgs {
  /** A local file or folder, from the definition's folder where it is relative. */
  readonly path: string
  /** Default: the last part of `path`. */
  readonly name?: string
  /**
   * Whether a file is taken; what is below a folder that is not is left out
   * too.
   *
   * @param path Below `path`, such as `src/main.c`. Bytes that are no text are shown as U+FFFD.
   */
  readonly filter?: (path: string, type: ScannedEntry['type']) => boolean
}

/**
 * A local file or folder, as `nix-store --add` and `builtins.path` add it.
 *
 * @param path A local file or folder, from the folder of the definition where it is relative.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is used, `FILE_UNREADABLE`, `FILE_CHANGED`, `STORE_PATH_INVALID`.
 * @see nix `builtins.path`
 *
 * @example A folder without what an editor leaves in it
 * ```ts
 * import { importPath, realise } from 'dockertools'
 *
 * const pages = importPath({ path: './examples/site/pages', filter: (path) => !path.endsWith('~') })
 * const { path } = await realise(pages, { stores: ['local:./result-store'] })
 * console.log(path)
 * ```
 */
export function importPath(path: string): Built
export function importPath(args: ImportPathArgs): Built
export function importPath(...given: readonly unknown[]): Built {
  const args = namedArguments('importPath', given, ['path'], ['name', 'filter'])
  const path = argumentOf('importPath', args, 'path', isText, 'a text')
  if (path === '') throw invalid('importPath', 'its path is empty, it should be that of a file or folder')
  const name = optionalOf('importPath', args, 'name', isText, 'a text') ?? basename(path)
  const filter = optionalOf('importPath', args, 'filter', isFilter, 'a function')
  const added = new WeakMap<RealiseSession, Promise<StorePath>>()
  const add = (session: RealiseSession): Promise<StorePath> => {
    const known = added.get(session) ?? addTo(session, path, name, filter)
    added.set(session, known)
    return known
  }
  return makeBuilt(name, {}, { name, outPath: add, realise: add })
}

async function addTo(
  session: RealiseSession,
  path: string,
  name: string,
  filter: ImportPathArgs['filter'],
): Promise<StorePath> {
  const options =
    filter === undefined ? {} : { filter: (entry: ScannedEntry) => filter(byteStringToText(entry.path), entry.type) }
  return await session.writable.addLocal(resolve(session.baseDirectory, path), name, options)
}

function isFilter(value: unknown): value is NonNullable<ImportPathArgs['filter']> {
  return typeof value === 'function'
}
