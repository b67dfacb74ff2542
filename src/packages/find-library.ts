import type { ByteString } from '#util'
import { BinaryFile } from './binary-file.ts'
import { type ElfFile, type ElfTarget, isSameTarget } from './elf-file.ts'
import { expandTokens } from './expand-tokens.ts'
import type { LoadedObject } from './loaded-object.ts'
import type { Loader } from './loader.ts'
import { folderOf, realPathOf } from './normalize-path.ts'
import { readElf } from './read-elf.ts'

/** A library on this machine. */
export interface FoundLibrary {
  /** What it was looked for by. */
  readonly name: ByteString
  readonly path: ByteString
  readonly realPath: ByteString
  readonly elf: ElfFile
  /** Whether a loader finds it here without a list made by `ldconfig`, which an image does not have. */
  readonly isFoundByFolders: boolean
}

/** Who asks for a library, and how it looks. */
export interface LibrarySearch {
  readonly loader: Loader
  readonly target: ElfTarget
  /** The program that is run, where there is one. */
  readonly program: LoadedObject | undefined
}

/**
 * Looks for a library as the loader does, with no `LD_` variable set.
 *
 * @param name What it is needed by: a name to look for, or a path.
 * @throws {DockerToolsError} as `readElf`, for a file of that name that is broken.
 */
export function findLibrary(name: ByteString, by: LoadedObject, search: LibrarySearch): FoundLibrary | undefined {
  const { loader } = search
  if (name.includes('/')) {
    const path = expand(name, by, loader)
    return path?.startsWith('/') === true ? open(name, path, search, true) : undefined
  }
  for (const folder of ownFolders(by, search)) {
    const found = open(name, inFolder(folder, name), search, true)
    if (found !== undefined) return found
  }
  const skipsSystem = by.elf.dynamic?.skipsSystemFolders === true
  const systemFolders = loader.systemFolders
  for (const path of loader.cache.get(name) ?? []) {
    const isSystem = systemFolders.includes(folderOf(path))
    const found = isSystem && skipsSystem ? undefined : open(name, path, search, isSystem)
    if (found !== undefined) return found
  }
  if (skipsSystem) return undefined
  for (const folder of new Set([...loader.configuredFolders, ...systemFolders])) {
    const found = open(name, inFolder(folder, name), search, systemFolders.includes(folder))
    if (found !== undefined) return found
  }
  return undefined
}

/** The folders that a file, and what had it loaded, ask for. */
function ownFolders(by: LoadedObject, { loader, program }: LibrarySearch): readonly ByteString[] {
  const chain: LoadedObject[] = []
  for (let each: LoadedObject | undefined = by; each !== undefined; each = each.loadedBy) chain.push(each)
  // What a program loads by itself, later, has no chain to it.
  if (program !== undefined && !chain.includes(program)) chain.push(program)
  if (loader.kind === 'musl') {
    return chain.flatMap((each) => split(each.elf.dynamic?.runpath ?? each.elf.dynamic?.rpath, each, loader))
  }
  const { runpath } = by.elf.dynamic ?? {}
  if (runpath !== undefined) return split(runpath, by, loader)
  return chain.flatMap((each) => {
    const { dynamic } = each.elf
    return dynamic?.runpath === undefined ? split(dynamic?.rpath, each, loader) : []
  })
}

/** Relative folders, and empty ones, would be taken from the folder a program is started in: an image has no such thing. */
function split(list: ByteString | undefined, by: LoadedObject, loader: Loader): readonly ByteString[] {
  if (list === undefined) return []
  const folders = (list.split(':') as ByteString[]).map((folder) => expand(folder, by, loader))
  return folders.filter((folder): folder is ByteString => folder?.startsWith('/') === true)
}

function expand(path: ByteString, by: LoadedObject, loader: Loader): ByteString | undefined {
  const isGlibc = loader.kind === 'glibc'
  // The kernel tells a program its own place with symlinks followed; libraries are where they were found.
  const origin = folderOf(by.loadedBy === undefined ? by.realPath : by.path)
  return expandTokens(path, {
    origin,
    lib: isGlibc ? loader.lib : undefined,
    platform: isGlibc ? loader.platform : undefined,
  })
}

function inFolder(folder: ByteString, name: ByteString): ByteString {
  return (folder.endsWith('/') ? folder + name : `${folder}/${name}`) as ByteString
}

function open(
  name: ByteString,
  path: ByteString,
  { target }: LibrarySearch,
  isFoundByFolders: boolean,
): FoundLibrary | undefined {
  const realPath = realPathOf(path)
  if (realPath === undefined) return undefined
  using file = BinaryFile.open(realPath)
  if (file === undefined) return undefined
  const elf = readElf(file)
  // A library for another processor of the same name is passed over.
  if (!isSameTarget(elf.target, target) || elf.type !== 'shared') return undefined
  return { name, path, realPath, elf, isFoundByFolders }
}
