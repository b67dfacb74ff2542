import { report } from '#events'
import { DockerToolsError } from '#errors'
import { type ByteString, byteStringToText, compareByteStrings } from '#util'
import type { LogicalFiles } from './logical-files.ts'

/** A package that takes part. */
export interface EnvPackage {
  /** Its logical path. */
  readonly path: ByteString
  /** Of two files of one name, that of the smaller number is taken. */
  readonly priority: number
}

/** How packages are merged. */
export interface MergeRules {
  /** Absolute, `/` for everything. */
  readonly pathsToLink: readonly string[]
  /** `reported` where it is said, `silent` where it is not. */
  readonly ignoreCollisions: 'no' | 'reported' | 'silent'
  /** Whether files of the same content and mode are no collision. */
  readonly checkCollisionContents: boolean
}

/** What is at a place: a link to somewhere, or a folder where the target is empty. */
interface Placed {
  readonly target: ByteString
  readonly priority: number
  /** The first to be there, for messages. */
  readonly origin: ByteString
}

/**
 * Merges packages by symlinks as nixpkgs' `buildEnv` does: a folder that one
 * package alone has becomes a link to it, one that several have becomes a folder.
 *
 * @see nixpkgs `pkgs/build-support/buildenv/builder.pl`
 */
export class PackageMerge {
  readonly #files: LogicalFiles
  readonly #storeDir: string
  readonly #pathsToLink: readonly string[]
  readonly #checksContents: boolean
  readonly #placed = new Map<string, Placed>()

  constructor(files: LogicalFiles, storeDir: string, rules: Omit<MergeRules, 'ignoreCollisions'>) {
    this.#files = files
    this.#storeDir = storeDir
    this.#pathsToLink = rules.pathsToLink
    this.#checksContents = rules.checkCollisionContents
    // What is asked for, and what is above it, are folders of the result, never links.
    this.#placed.set('', FOLDER)
    for (const path of rules.pathsToLink) {
      const parts = path.split('/').filter((part) => part !== '')
      for (const depth of parts.keys()) this.#placed.set(`/${parts.slice(0, depth + 1).join('/')}`, FOLDER)
    }
  }

  /**
   * Adds a package.
   *
   * @throws {DockerToolsError} `OUTPUT_INVALID` for a collision, naming both; `FILE_TYPE_UNSUPPORTED` for a package that is a file.
   */
  add({ path, priority }: EnvPackage, ignoreCollisions: MergeRules['ignoreCollisions']): void {
    this.#place('', path, priority, ignoreCollisions)
  }

  /** Links by where they are, each after the folders it is in; folders have an empty target. */
  result(): [path: ByteString, target: ByteString][] {
    return [...this.#placed]
      .filter(([path]) => this.#isLinked(path))
      .map(([path, { target }]) => [path as ByteString, target] as [ByteString, ByteString])
      .toSorted((a, b) => compareByteStrings(a[0], b[0]))
  }

  /** Goes as deep as folders on a disk do, which no path longer than the system allows can be. */
  #place(relative: string, target: ByteString, priority: number, ignore: MergeRules['ignoreCollisions']): void {
    const files = this.#files
    if (files.stat(target)?.isFile() === true && target.lastIndexOf('/') === this.#storeDir.length) {
      throw new DockerToolsError(
        'FILE_TYPE_UNSUPPORTED',
        `Cannot merge "${byteStringToText(target)}": it is a file, it should be a directory`,
      )
    }
    if (this.#isLeftOut(relative)) return
    const old = this.#placed.get(relative)
    const isOldFolder = old !== undefined && (old.target === '' || files.isFolder(old.target))
    if (old === undefined || (priority < old.priority && !isOldFolder)) {
      this.#placed.set(relative, { target, priority, origin: target })
      return
    }
    if (old.target !== '') {
      const resolved = files.resolve(target)
      if (resolved !== undefined && resolved === files.resolve(old.target)) {
        if (files.isLink(old.target) && !files.isLink(target))
          this.#placed.set(relative, { target, priority, origin: target })
        return
      }
    }
    if (priority > old.priority && !isOldFolder) return
    if (!files.isFolder(target) || !isOldFolder) {
      // What is no folder cannot be left out where folders are merged already: upstream fails, too.
      this.#collide(target, old, old.target === '' ? 'no' : ignore)
      return
    }
    if (old.target !== '') this.#placeAll(relative, old.target, old.priority, ignore)
    this.#placeAll(relative, target, priority, ignore)
    this.#placed.set(relative, { target: '' as ByteString, priority, origin: old.origin === '' ? target : old.origin })
  }

  #placeAll(relative: string, target: ByteString, priority: number, ignore: MergeRules['ignoreCollisions']): void {
    for (const name of this.#files.list(target)) {
      this.#place(`${relative}/${name}`, `${target}/${name}` as ByteString, priority, ignore)
    }
  }

  #collide(target: ByteString, old: Placed, ignore: MergeRules['ignoreCollisions']): void {
    const other = old.origin === '' ? 'a directory of "pathsToLink"' : `"${byteStringToText(old.origin)}"`
    const what = `"${byteStringToText(target)}" and ${other}`
    if (ignore === 'silent') return
    if (ignore === 'reported') {
      report({
        type: 'warning',
        code: 'CONTENTS_COLLISION',
        message: `${what} are at the same place; the latter is taken`,
      })
      return
    }
    if (this.#checksContents && old.target !== '' && this.#isSame(target, old.target)) return
    throw new DockerToolsError('OUTPUT_INVALID', `Cannot merge packages: ${what} would be at the same place`, {
      hint: 'Give one of them another priority, or set ignoreCollisions',
    })
  }

  #isSame(one: ByteString, other: ByteString): boolean {
    const [left, right] = [this.#files.stat(one), this.#files.stat(other)]
    if (left === undefined || right === undefined || left.mode !== right.mode || left.size !== right.size) return false
    const content = this.#files.read(one)
    return content !== undefined && this.#files.read(other)?.equals(content) === true
  }

  /** What packages tell tools that build with them, and what would be wrong for several packages together. */
  #isLeftOut(path: string): boolean {
    const name = path.slice(path.lastIndexOf('/') + 1)
    return (
      path === '/propagated-build-inputs' ||
      path === '/nix-support' ||
      path.endsWith('info/dir') ||
      (path.startsWith('/share/mime/') && !path.startsWith('/share/mime/packages')) ||
      name === 'perllocal.pod' ||
      name === 'log' ||
      !(this.#isAbove(path) || this.#isLinked(path))
    )
  }

  #isAbove(path: string): boolean {
    return path === '' || this.#pathsToLink.some((linked) => linked === path || linked.startsWith(`${path}/`))
  }

  #isLinked(path: string): boolean {
    const whole = path === '' ? '/' : path
    return this.#pathsToLink.some((linked) => linked === '/' || whole === linked || whole.startsWith(`${linked}/`))
  }
}

const FOLDER: Placed = { target: '' as ByteString, priority: 0, origin: '' as ByteString }
