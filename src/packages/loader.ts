import type { ByteString } from '#util'
import { bytesToByteString, toByteString } from '#util'
import { BinaryFile } from './binary-file.ts'
import { type ElfTarget } from './elf-file.ts'
import type { LibraryCache } from './library-cache.ts'
import { readLibraryCache } from './library-cache.ts'
import { readLoaderConfig } from './loader-config.ts'
import { machineFacts } from './machine-facts.ts'
import { fileNameOf, folderOf } from './normalize-path.ts'

/** How the loader of a program finds libraries. */
export interface Loader {
  /** musl's takes both kinds of paths for the same, knows `$ORIGIN` only, and is its own C library. */
  readonly kind: 'glibc' | 'musl'
  /** Where a list of libraries made by `ldconfig` says they are. */
  readonly cache: LibraryCache
  /** Where to look besides, in order. In an image without such a list it is all there is. */
  readonly systemFolders: readonly ByteString[]
  /** Folders that `ldconfig` would look at, for a machine where it has not. */
  readonly configuredFolders: readonly ByteString[]
  /** What `$LIB` stands for. */
  readonly lib: ByteString
  /** What `$PLATFORM` stands for, where that is known. */
  readonly platform: ByteString | undefined
  /** Files besides the loader that it reads, and an image has to have. */
  readonly files: readonly ByteString[]
}

/** Where the files of a machine are that say where libraries are; other ones are for tests. */
export interface LoaderFiles {
  readonly cache: ByteString
  readonly config: ByteString
}

export const LOADER_FILES: LoaderFiles = {
  cache: toByteString('/etc/ld.so.cache'),
  config: toByteString('/etc/ld.so.conf'),
}

const MUSL_LOADER = /^ld-musl-(.+)\.so\.1$/
const MUSL_FOLDERS = '/lib:/usr/local/lib:/usr/lib'
const MAX_MUSL_PATH_BYTES = 64 * 1024
const MAX_LOADER_BYTES = 16 * 1024 * 1024

/** Paths that end with a slash, one after the other with a NUL behind each, as glibc keeps its folders. */
// oxlint-disable-next-line no-control-regex -- the NUL is what ends them
const FOLDER_RUNS = /(?<=\0)(?:\/[!-~]*\/\0)+/g

/** Finds out how the loader at `path` looks for libraries of programs for `target`. */
export function describeLoader(path: ByteString, target: ElfTarget, files: LoaderFiles = LOADER_FILES): Loader {
  const [, machine] = MUSL_LOADER.exec(fileNameOf(path)) ?? []
  return machine === undefined ? describeGlibc(path, target, files) : describeMusl(path, machine)
}

function describeGlibc(path: ByteString, target: ElfTarget, files: LoaderFiles): Loader {
  const facts = machineFacts(target)
  const systemFolders = readCompiledFolders(path) ?? guessFolders(target)
  const cache = readLibraryCache(files.cache)
  return {
    kind: 'glibc',
    cache,
    systemFolders,
    configuredFolders: cache.size > 0 ? [] : readLoaderConfig(files.config),
    lib: (systemFolders[0] ?? '').replace(/^\/(?:usr\/)?/, '') as ByteString,
    platform: facts === undefined ? undefined : toByteString(facts.platform),
    files: [],
  }
}

/** The folders that glibc was built with stand in the loader, and nowhere else. */
function readCompiledFolders(path: ByteString): readonly ByteString[] | undefined {
  using file = BinaryFile.open(path)
  if (file === undefined || file.size > MAX_LOADER_BYTES) return undefined
  const text = bytesToByteString(file.readUpTo(0, file.size))
  for (const [run] of text.matchAll(FOLDER_RUNS)) {
    const folders = run.split('\0').slice(0, -1)
    if (folders.every((folder) => /\/lib[^/]*\//.test(folder))) {
      return folders.map((folder) => folder.slice(0, -1) as ByteString)
    }
  }
  return undefined
}

/** What the great distributions have, for a loader that does not tell. */
function guessFolders(target: ElfTarget): readonly ByteString[] {
  const facts = machineFacts(target)
  const own = facts === undefined ? [] : [`/lib/${facts.triplet}`, `/usr/lib/${facts.triplet}`]
  const wide = target.bits === 64 ? ['/lib64', '/usr/lib64'] : []
  return [...own, ...wide, '/lib', '/usr/lib'].map(toByteString)
}

/** @see https://git.musl-libc.org/cgit/musl/tree/ldso/dynlink.c */
function describeMusl(path: ByteString, machine: string): Loader {
  const parent = folderOf(folderOf(path))
  const list = `${parent === '/' ? '' : parent}/etc/ld-musl-${machine}.path` as ByteString
  using file = BinaryFile.open(list)
  const text = file === undefined ? MUSL_FOLDERS : bytesToByteString(file.readUpTo(0, MAX_MUSL_PATH_BYTES))
  const folders = text.split(/[:\n]/).filter((folder) => folder.startsWith('/')) as ByteString[]
  return {
    kind: 'musl',
    cache: new Map(),
    systemFolders: folders,
    configuredFolders: [],
    lib: '' as ByteString,
    platform: undefined,
    files: file === undefined ? [] : [list],
  }
}
