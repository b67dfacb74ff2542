import {
  argumentOf,
  type Built,
  invalidArgument,
  isText,
  makeBuilt,
  namedArguments,
  optionalOf,
  type RealiseSession,
} from '#derivation'
import type { StorePath } from '#store'
import { type ByteString, toByteString } from '#util'
import { collectHostPrograms, type HostSelection } from './collect-host-programs.ts'
import { addLinkedTree } from './add-linked-tree.ts'
import { fileEntry } from './host-tree.ts'
import { fileNameOf } from './normalize-path.ts'

/** Arguments of `hostProgram`. */
export interface HostProgramArgs extends HostProgramOptions {
  /** Absolute path of a program, or of several. */
  readonly path: string | readonly string[]
}

/** What goes with the programs. */
export interface HostProgramOptions {
  /** Name of the store path. Default: `host-` and the first program's name. */
  readonly name?: string
  /** Libraries that the first program loads by itself (`dlopen`): names it is told, such as `libnss_dns.so.2`, or absolute paths. */
  readonly libraries?: readonly string[]
  /** Files and folders that a program reads, such as `/usr/lib/python3.11`, with the libraries that programs and libraries in them need. */
  readonly files?: readonly string[]
}

/**
 * Programs of this machine, with the loader and the libraries that they need:
 * a tree to be linked into an image's root, where programs find everything at
 * the paths they have it at here. `bin` has the programs by their names. A
 * script brings the program that its first line names.
 *
 * ELF files are read; no program is started, not even `ldd`. The store path
 * follows from the files' content and places alone.
 *
 * @param path Absolute path of a program, or of several.
 * @param options `name`, `libraries` that the first program loads by itself, `files` that a program reads.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is used, `PROGRAM_MISSING` for a
 *   program, loader or library that is not there, `FILE_UNREADABLE`, `FORMAT_INVALID`,
 *   `FORMAT_UNSUPPORTED`, `TRUNCATED`, `LIMIT_EXCEEDED`.
 * @remarks Not in nixpkgs. What is in it depends on the machine.
 *
 * @example An image that runs a program of this machine
 * ```ts
 * import { hostProgram, streamLayeredImage } from 'dockertools'
 *
 * const image = streamLayeredImage({
 *   name: 'cat',
 *   tag: '1',
 *   contents: hostProgram('/bin/cat'),
 *   config: { Cmd: ['/bin/cat', '/etc/hostname'] },
 * })
 * console.log((await image.layers({ stores: ['local:./result-store'] })).length)
 * ```
 */
export function hostProgram(path: string | readonly string[], options?: HostProgramOptions): Built
export function hostProgram(args: HostProgramArgs): Built
export function hostProgram(given: string | readonly string[] | HostProgramArgs, options?: HostProgramOptions): Built {
  const isPath = typeof given === 'string' || Array.isArray(given)
  const args = namedArguments(
    'hostProgram',
    [isPath ? { ...options, path: given } : given],
    [],
    ['path', 'name', 'libraries', 'files'],
  )
  const path = argumentOf('hostProgram', args, 'path', isPathOrPaths, 'an absolute path, or a list with at least one')
  const libraries = optionalOf('hostProgram', args, 'libraries', isTexts, 'a list of names or absolute paths') ?? []
  const files = optionalOf('hostProgram', args, 'files', isPaths, 'a list of absolute paths') ?? []
  const relative = libraries.find((library) => library === '' || (library.includes('/') && !library.startsWith('/')))
  if (relative !== undefined) {
    throw invalidArgument('hostProgram', `library ${JSON.stringify(relative)} should be a name or an absolute path`)
  }
  const selection: HostSelection = {
    programs: (typeof path === 'string' ? [path] : path).map(toByteString),
    libraries: libraries.map(toByteString),
    files: files.map(toByteString),
  }
  const name = optionalOf('hostProgram', args, 'name', isText, 'a text') ?? defaultName(selection.programs[0]!)
  const added = new WeakMap<RealiseSession, Promise<StorePath>>()
  const add = (session: RealiseSession): Promise<StorePath> => {
    const known = added.get(session) ?? addTo(session, name, selection)
    added.set(session, known)
    return known
  }
  const built = makeBuilt(name, {}, { name, outPath: add, realise: add })
  hostPrograms.add(built)
  return built
}

/** Programs that are not complete by themselves: what they need has to be linked into the root as well. */
const hostPrograms = new WeakSet<object>()

/** Whether a value is what `hostProgram` gave. */
export function isHostProgram(value: object): boolean {
  return hostPrograms.has(value)
}

async function addTo(session: RealiseSession, name: string, selection: HostSelection): Promise<StorePath> {
  const tree = collectHostPrograms(selection, session.store.dir)
  const shared = new Map<ByteString, StorePath>()
  for (const file of tree.sharedFiles()) shared.set(file, await addShared(session, file))
  return await addLinkedTree(
    session,
    name,
    tree.entries(new Map([...shared].map(([file, path]) => [file, toByteString(path)]))),
    [...shared.values()],
  )
}

/** A library, or loader: the same path whichever program needs it. */
async function addShared(session: RealiseSession, file: ByteString): Promise<StorePath> {
  return await session.once(`shared file of the host ${file}`, async () =>
    session.writable.addEntries(storeName(file), [await fileEntry(toByteString(''), file)]),
  )
}

/** Programs have names that store paths cannot have, `[` among them. */
function defaultName(program: ByteString): string {
  return storeName(`host-${fileNameOf(program)}` as ByteString)
}

/** What a store path of a file can be called. */
function storeName(file: ByteString): string {
  const name = fileNameOf(file)
    .replaceAll(/[^0-9A-Za-z+._?=-]/g, '_')
    .slice(0, 200)
  return name.startsWith('.') ? `_${name}` : name
}

function isPathOrPaths(value: unknown): value is string | readonly string[] {
  return isAbsolute(value) || (isPaths(value) && value.length > 0)
}

function isPaths(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isAbsolute)
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText)
}

function isAbsolute(value: unknown): value is string {
  return isText(value) && value.startsWith('/') && !value.endsWith('/')
}
