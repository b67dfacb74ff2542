import { DockerToolsError } from '#errors'
import { report } from '#events'
import { scanTree } from '#tree'
import { type ByteString, byteStringToText } from '#util'
import { BinaryFile } from './binary-file.ts'
import { type ElfFile, isSameTarget } from './elf-file.ts'
import type { FoundLibrary, LibrarySearch } from './find-library.ts'
import { HostTree } from './host-tree.ts'
import { libraryMissing, loadObjects } from './load-objects.ts'
import type { LoadedObject } from './loaded-object.ts'
import { describeLoader, LOADER_FILES, type LoaderFiles } from './loader.ts'
import { fileNameOf, realPathOf } from './normalize-path.ts'
import { isElf, readElf } from './read-elf.ts'
import { readShebang, SEARCH_PATH } from './shebang.ts'

/** Scripts whose interpreter is a script: the kernel follows no more. */
const MAX_SCRIPTS = 5
/** Far more than the largest runtime has. */
const MAX_FILES = 500_000

/** What is taken from this machine. All paths are absolute. */
export interface HostSelection {
  readonly programs: readonly ByteString[]
  /** Libraries that the first program loads by itself: names, or paths. */
  readonly libraries: readonly ByteString[]
  /** Files and folders that are taken as they are, with the libraries that they need. */
  readonly files: readonly ByteString[]
}

/**
 * Makes a tree of programs of this machine and of what they need to run.
 *
 * Everything stands at the path where this machine has it, so that paths that
 * programs have compiled in are right when the tree is an image's root; every
 * program stands in `bin` besides. Libraries that the loader only finds by the
 * list of `ldconfig` are put where it looks without one.
 *
 * @throws {DockerToolsError} `PROGRAM_MISSING` for a program, loader or library that is not there;
 *   `DEFINITION_INVALID`, `FILE_UNREADABLE`, `FORMAT_INVALID`, `TRUNCATED`, `LIMIT_EXCEEDED`.
 */
export function collectHostPrograms(
  { programs, libraries, files }: HostSelection,
  storeFolder: string,
  loaderFiles: LoaderFiles = LOADER_FILES,
): HostTree {
  const tree = new HostTree(storeFolder)
  const collector = new Collector(tree, loaderFiles)
  for (const path of programs) {
    collector.addProgram(path, 0)
    tree.addAlias(`/bin/${fileNameOf(path)}` as ByteString, realPathOf(path) ?? path)
  }
  if (libraries.length > 0) collector.addLibraries(libraries, programs)
  for (const path of files) collector.addFiles(path)
  return tree
}

/** A program with the loader that runs it. */
interface DynamicProgram {
  readonly program: LoadedObject
  readonly search: LibrarySearch
}

class Collector {
  readonly #tree: HostTree
  readonly #loaderFiles: LoaderFiles
  readonly #done = new Set<ByteString>()
  readonly #dynamic: DynamicProgram[] = []
  #fileCount = 0

  constructor(tree: HostTree, loaderFiles: LoaderFiles) {
    this.#tree = tree
    this.#loaderFiles = loaderFiles
  }

  addProgram(path: ByteString, depth: number): void {
    const realPath = realPathOf(path)
    if (realPath === undefined) throw fault('PROGRAM_MISSING', path, 'there is no such file, there should be')
    this.#tree.addFile(realPath)
    this.#tree.addAlias(path, realPath)
    using file = BinaryFile.open(realPath)
    if (file === undefined) {
      throw fault('FILE_UNREADABLE', path, 'it cannot be read, it should be a file that this user may read')
    }
    if (!file.isExecutable) throw fault('DEFINITION_INVALID', path, 'it may not be executed, it should be a program')
    if (isElf(file)) {
      this.#addElf(path, realPath, readElf(file))
      return
    }
    const script = readShebang(file)
    if (script === undefined) {
      throw fault('FORMAT_UNSUPPORTED', path, 'it is neither ELF nor does it begin with "#!", it should be one of them')
    }
    if (depth >= MAX_SCRIPTS) {
      throw fault(
        'LIMIT_EXCEEDED',
        path,
        `its interpreters are scripts, there should be at most ${MAX_SCRIPTS} of them`,
      )
    }
    this.addProgram(script.interpreter, depth + 1)
    if (script.byEnv === undefined) return
    const found = script.byEnv.find((place) => realPathOf(place) !== undefined)
    if (found === undefined) {
      const name = fileNameOf(script.byEnv[0] ?? path)
      throw fault('PROGRAM_MISSING', path, `"env" should start "${name}" for it, which is not in "${SEARCH_PATH}"`)
    }
    this.addProgram(found, depth + 1)
  }

  /** Takes in libraries that the first of the programs with a loader asks for by itself. */
  addLibraries(names: readonly ByteString[], programs: readonly ByteString[]): void {
    const [first] = this.#dynamic
    if (first === undefined) {
      throw fault(
        'DEFINITION_INVALID',
        programs[0]!,
        'it is linked statically, "libraries" should be for a program that loads some',
      )
    }
    const { libraries, missing } = loadObjects([first.program], names, first.search)
    this.#addFound(libraries, first)
    for (const each of missing) throw libraryMissing(first.program.path, each)
  }

  /** Takes in a file, or a folder with all that is in it. */
  addFiles(path: ByteString): void {
    const root = realPathOf(path)
    if (root === undefined) throw fault('FILE_UNREADABLE', path, 'it does not exist, "files" should name files that do')
    for (const entry of scanTree(root, { order: 'bytes' })) {
      const place = (entry.path === '' ? root : `${root}/${entry.path}`) as ByteString
      if (++this.#fileCount > MAX_FILES) {
        throw fault('LIMIT_EXCEEDED', path, `"files" has more than ${MAX_FILES} files, it should have fewer`)
      }
      if (entry.type === 'directory') this.#tree.addFolder(place)
      else if (entry.type === 'symlink') this.#tree.addSymlink(place, entry.target)
      else if (entry.type === 'file') this.#addPlainFile(place)
      else throw fault('FILE_TYPE_UNSUPPORTED', place, `it is a ${entry.type}, it should be a file, folder or symlink`)
    }
    this.#tree.addAlias(path, root)
  }

  #addPlainFile(realPath: ByteString): void {
    this.#tree.addFile(realPath)
    using file = BinaryFile.open(realPath)
    if (file === undefined || !isElf(file)) return
    const elf = readElf(file)
    if (elf.interpreter !== undefined) this.#addElf(realPath, realPath, elf)
    const program = this.#dynamic.find(({ search }) => isSameTarget(search.target, elf.target))
    if (elf.dynamic === undefined || elf.interpreter !== undefined || program === undefined) return
    const start: LoadedObject = { path: realPath, realPath, elf, loadedBy: undefined }
    const { libraries, missing } = loadObjects([start], [], program.search)
    this.#addFound(libraries, program)
    // Extensions for something that is not installed do not work on this machine either.
    for (const each of missing) {
      const message = `"${byteStringToText(each.neededBy)}" needs "${byteStringToText(each.name)}", which is nowhere on this machine`
      report({ type: 'warning', code: 'LIBRARY_MISSING', message })
    }
  }

  #addElf(path: ByteString, realPath: ByteString, elf: ElfFile): void {
    if (this.#done.has(realPath)) return
    this.#done.add(realPath)
    if (elf.type === 'other') throw fault('FORMAT_UNSUPPORTED', path, 'it is an object file, it should be a program')
    const needed = elf.dynamic?.needed ?? []
    if (elf.interpreter === undefined) {
      if (needed.length === 0) return
      throw fault(
        'FORMAT_UNSUPPORTED',
        path,
        'it is a library, it should be a program',
        'Name libraries in "libraries"',
      )
    }
    const program: LoadedObject = { path, realPath, elf, loadedBy: undefined }
    const loader = this.#addLoader(elf.interpreter, program)
    const description = describeLoader(elf.interpreter, elf.target, this.#loaderFiles)
    const search = { loader: description, target: elf.target, program }
    this.#dynamic.push({ program, search })
    for (const file of description.files) this.addFiles(file)
    const { libraries, missing } = loadObjects([program, loader], [], search)
    for (const each of missing) throw libraryMissing(path, each)
    this.#addFound(libraries, { program, search })
  }

  #addLoader(path: ByteString, program: LoadedObject): LoadedObject {
    const realPath = realPathOf(path)
    using file = realPath === undefined ? undefined : BinaryFile.open(realPath)
    if (realPath === undefined || file === undefined) {
      throw fault(
        'PROGRAM_MISSING',
        program.path,
        `its loader "${byteStringToText(path)}" is not on this machine, it should be`,
      )
    }
    const elf = readElf(file)
    if (!isSameTarget(elf.target, program.elf.target)) {
      throw fault(
        'FORMAT_INVALID',
        program.path,
        `its loader "${byteStringToText(path)}" is for another processor, it should be for the same`,
      )
    }
    this.#tree.addShared(realPath)
    this.#tree.addAlias(path, realPath)
    return { path, realPath, elf, loadedBy: program }
  }

  #addFound(libraries: readonly FoundLibrary[], { search }: DynamicProgram): void {
    const [systemFolder] = search.loader.systemFolders
    for (const { name, path, realPath, isFoundByFolders } of libraries) {
      this.#tree.addShared(realPath)
      this.#tree.addAlias(path, realPath)
      if (!isFoundByFolders) this.#tree.addAlias(`${systemFolder}/${name}` as ByteString, realPath)
    }
  }
}

function fault(
  code:
    | 'PROGRAM_MISSING'
    | 'DEFINITION_INVALID'
    | 'FILE_UNREADABLE'
    | 'FORMAT_UNSUPPORTED'
    | 'FORMAT_INVALID'
    | 'LIMIT_EXCEEDED'
    | 'FILE_TYPE_UNSUPPORTED',
  path: ByteString,
  reason: string,
  hint?: string,
): DockerToolsError {
  const message = `Cannot take host program "${byteStringToText(path)}": ${reason}`
  return new DockerToolsError(code, message, hint === undefined ? {} : { hint })
}
