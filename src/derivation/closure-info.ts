import { jsonObject } from '#image'
import { closure, compareStorePaths, formatHash, type PathInfo, type StorePath } from '#store'
import type { TreeEntry } from '#tree'
import { directoryTree, fileTree } from '#store'
import type { Built } from './built.ts'
import { argumentOf, namedArguments } from './named-arguments.ts'
import { makeOwnOutput } from './own-output.ts'
import type { PathLike } from './path-like.ts'
import type { RealiseSession } from './realisable.ts'
import { asStream } from './symlink-join.ts'
import { isPathList, resolvePaths } from './used-paths.ts'

/** Arguments of `closureInfo`. */
export interface ClosureInfoArgs {
  /** What the closure begins with. */
  readonly rootPaths: readonly PathLike[]
}

/**
 * What paths need at run time: a folder with `store-paths`, `registration` (what
 * `nix-store --load-db` reads) and `total-nar-size`.
 *
 * @param given `rootPaths`: what the closure begins with.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is made, `STORE_PATH_MISSING`.
 * @see nixpkgs `pkgs/build-support/closure-info.nix`
 *
 * @example What a text needs, and how large it is
 * ```ts
 * import { readFileSync } from 'node:fs'
 * import { closureInfo, realise, writeText } from 'dockertools'
 *
 * const info = closureInfo({ rootPaths: [writeText('note', `see ${writeText('other', '')}`)] })
 * const { path } = await realise(info, { stores: ['local:./result-store'] })
 * console.log(readFileSync(`${path}/store-paths`, 'utf8'), readFileSync(`${path}/total-nar-size`, 'utf8'))
 * ```
 */
export function closureInfo(given: ClosureInfoArgs): Built {
  const args = namedArguments('closureInfo', [given], [], ['rootPaths'])
  const paths = argumentOf('closureInfo', args, 'rootPaths', isPathList, 'a list of paths')
  return ofClosure('closure-info', 'closureInfo', paths, (infos) => {
    const total = infos.reduce((sum, { narSize }) => sum + narSize, 0)
    return directoryTree({
      registration: Buffer.from(infos.map(registration).join('')),
      'store-paths': Buffer.from(infos.map(({ path }) => `${path}\n`).join('')),
      'total-nar-size': Buffer.from(`${total}\n`),
    })
  })
}

/**
 * A text file of the paths that others need at run time, one a line.
 *
 * @param paths What the closure begins with.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is made, `STORE_PATH_MISSING`.
 * @see nixpkgs `pkgs/build-support/trivial-builders/default.nix`, `writeClosure`
 *
 * @example A list of what a text needs
 * ```ts
 * import { readFileSync } from 'node:fs'
 * import { realise, writeClosure, writeText } from 'dockertools'
 *
 * const list = writeClosure([writeText('note', `see ${writeText('other', '')}`)])
 * const { path } = await realise(list, { stores: ['local:./result-store'] })
 * console.log(readFileSync(path, 'utf8'))
 * ```
 */
export function writeClosure(paths: readonly PathLike[]): Built
export function writeClosure(args: { readonly paths: readonly PathLike[] }): Built
export function writeClosure(...given: readonly unknown[]): Built {
  const args = namedArguments('writeClosure', given, ['paths'])
  const paths = argumentOf('writeClosure', args, 'paths', isPathList, 'a list of paths')
  return ofClosure('runtime-deps', 'writeClosure', paths, (infos) =>
    fileTree(Buffer.from(infos.map(({ path }) => `${path}\n`).join(''))),
  )
}

function ofClosure(
  name: string,
  maker: string,
  given: readonly PathLike[],
  describe: (infos: readonly PathInfo[]) => readonly TreeEntry[],
): Built {
  const paths = [...given]
  return makeOwnOutput(name, maker, {}, async (session) => {
    const { values, roots } = await resolvePaths(session, paths)
    return {
      args: jsonObject({ paths: [...roots] }),
      values,
      inputs: roots,
      content: async () => asStream(describe(await infosOf(session, roots))),
    }
  })
}

async function infosOf({ writable }: RealiseSession, roots: readonly StorePath[]): Promise<PathInfo[]> {
  const paths = (await closure(writable, roots)).map(({ path }) => path).toSorted(compareStorePaths)
  const infos: PathInfo[] = []
  for (const path of paths) infos.push(await writable.pathInfo(path))
  return infos
}

/** As `nix-store --register-validity` reads it: path, hash, size, an empty line for the deriver, references. */
function registration({ path, narHash, narSize, references }: PathInfo): string {
  const lines = [path, `sha256:${formatHash(narHash, 'nix32')}`, narSize, '', references.length, ...references]
  return lines.map((line) => `${line}\n`).join('')
}
