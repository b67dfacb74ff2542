import { DockerToolsError } from '#errors'
import { type ByteString, byteStringToText } from '#util'
import { findLibrary, type FoundLibrary, type LibrarySearch } from './find-library.ts'
import type { LoadedObject } from './loaded-object.ts'
import { fileNameOf } from './normalize-path.ts'

/** Far more than any program loads. */
const MAX_LIBRARIES = 10_000
/** Names that musl's loader answers itself: all of the C library is in it. */
const MUSL_OWN_LIBRARY = /^lib(?:c|pthread|rt|m|dl|util|xnet)\./

/** A library that is nowhere. */
export interface MissingLibrary {
  readonly name: ByteString
  readonly neededBy: ByteString
}

/** What a program and its libraries make together. */
export interface LoadedObjects {
  readonly libraries: readonly (FoundLibrary & LoadedObject)[]
  readonly missing: readonly MissingLibrary[]
}

/**
 * Everything that `start` needs, directly or not, in the order in which a
 * loader has it: what is needed by the first, then what is needed by those. A
 * name that is loaded already is not looked for again, wherever it came from;
 * so circles end.
 *
 * @param start Files that are loaded already: the program, its loader.
 * @param wanted Names that are loaded besides, as a program does by `dlopen`, for the first of `start`.
 * @throws {DockerToolsError} as `findLibrary`; `LIMIT_EXCEEDED`.
 */
export function loadObjects(
  start: readonly [LoadedObject, ...LoadedObject[]],
  wanted: readonly ByteString[],
  search: LibrarySearch,
): LoadedObjects {
  const byName = new Map<ByteString, LoadedObject>()
  const byRealPath = new Map<ByteString, LoadedObject>()
  const libraries: (FoundLibrary & LoadedObject)[] = []
  const missing: MissingLibrary[] = []
  const queue: { readonly name: ByteString; readonly by: LoadedObject }[] = []
  const take = (object: LoadedObject): void => {
    byRealPath.set(object.realPath, object)
    for (const name of [object.elf.dynamic?.soname, fileNameOf(object.path)]) {
      if (name !== undefined && !byName.has(name)) byName.set(name, object)
    }
    for (const name of object.elf.dynamic?.needed ?? []) queue.push({ name, by: object })
  }
  for (const object of start) take(object)
  for (const name of wanted) queue.push({ name, by: start[0] })
  for (let next = 0; next < queue.length; next++) {
    const { name, by } = queue[next]!
    if (byName.has(name) || (search.loader.kind === 'musl' && MUSL_OWN_LIBRARY.test(name))) continue
    const found = findLibrary(name, by, search)
    if (found === undefined) {
      missing.push({ name, neededBy: by.path })
      continue
    }
    const known = byRealPath.get(found.realPath)
    const object = { ...found, loadedBy: known?.loadedBy ?? by }
    // The same file by another name: it is there under both, but loaded once.
    libraries.push(object)
    if (libraries.length > MAX_LIBRARIES) throw tooMany(start[0].path)
    byName.set(name, known ?? object)
    if (known === undefined) take(object)
  }
  return { libraries, missing }
}

/** @returns The error for a library that a program cannot do without. */
export function libraryMissing(program: ByteString, { name, neededBy }: MissingLibrary): DockerToolsError {
  const whose = neededBy === program ? '' : `, which "${byteStringToText(neededBy)}" needs,`
  return new DockerToolsError(
    'PROGRAM_MISSING',
    `Cannot take host program "${byteStringToText(program)}": its library "${byteStringToText(name)}"${whose} is nowhere on this machine, it should be where the loader looks for it`,
    { hint: 'Install the package that has the library, or give its path in "libraries"' },
  )
}

function tooMany(program: ByteString): DockerToolsError {
  return new DockerToolsError(
    'LIMIT_EXCEEDED',
    `Cannot take host program "${byteStringToText(program)}": it loads more than ${MAX_LIBRARIES} libraries, it should load fewer`,
  )
}
