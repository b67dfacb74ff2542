import { DockerToolsError } from '#errors'
import { jsonObject } from '#image'
import { fileTree } from '#store'
import { type CopiedEntry, CopiedTree, type TreeEntry, treeEntries } from '#tree'
import { toByteString } from '#util'
import { join } from 'node:path'
import type { Built } from './built.ts'
import { entriesBelow } from './entries-below.ts'
import { argumentOf, isBoolean, namedArguments, optionalOf } from './named-arguments.ts'
import { makeOwnOutput } from './own-output.ts'
import type { PathLike, UsedPath } from './path-like.ts'
import type { RealiseSession } from './realisable.ts'
import type { Workplace } from './realise-instance.ts'
import { asStream } from './symlink-join.ts'
import { unpackArchive } from './unpack-archive.ts'
import { isPathList, resolvePaths } from './used-paths.ts'

/** Arguments of `mergeDrvs`. */
export interface MergeDrvsArgs {
  /** Folders, or tars of folders, plain or compressed. */
  readonly derivations: readonly PathLike[]
  /** Only name them, in a text file, so that they are built. Default: false. */
  readonly onlyDeps?: boolean
}

/**
 * Trees as one, copied over each other: of files with one name the last stays.
 *
 * @param given `derivations` are needed: folders, or archives of folders, plain or compressed.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is made, what reading archives throws.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `mergeDrvs`
 * @remarks Differs from nixpkgs: archives are unpacked, and names at the top that begin with a dot stay.
 *
 * @example Two folders as one, of files
 * ```ts
 * import { mergeDrvs, realise } from 'dockertools'
 *
 * const files = mergeDrvs({ derivations: ['./examples/hello/root', './examples/site/pages'] })
 * const { path } = await realise(files, { stores: ['local:./result-store'] })
 * console.log(path)
 * ```
 */
export function mergeDrvs(given: MergeDrvsArgs): Built {
  const args = namedArguments('mergeDrvs', [given], [], ['derivations', 'onlyDeps'])
  const list = [...argumentOf('mergeDrvs', args, 'derivations', isPathList, 'a list of paths')]
  const onlyDeps = optionalOf('mergeDrvs', args, 'onlyDeps', isBoolean, 'true or false') ?? false
  return makeOwnOutput('merge-drvs', 'mergeDrvs', {}, async (session) => {
    const { paths, values, roots } = await resolvePaths(session, list)
    const names = paths.map(({ path }) => path)
    return {
      args: jsonObject({ derivations: names, onlyDeps }),
      values,
      inputs: roots,
      async content(place) {
        if (onlyDeps) return asStream(fileTree(Buffer.from(`${names.join(' ')}\n`)))
        return asStream(await merged(session, paths, place))
      },
    }
  })
}

type Body = () => AsyncIterable<Uint8Array>

async function merged(
  session: RealiseSession,
  paths: readonly UsedPath[],
  place: Workplace,
): Promise<Iterable<TreeEntry>> {
  const tree = new CopiedTree<Body>(0o755, false)
  for (const [index, used] of paths.entries()) {
    const entries = await treeOf(session, used, join(place.buildFolder, String(index)))
    await tree.copy(used.path, entries.map(toCopied))
  }
  return tree.entries().map((entry) => (entry.type === 'file' ? { ...entry, open: entry.body } : entry))
}

/** The tree of a folder, or that in an archive. */
async function treeOf(session: RealiseSession, used: UsedPath, scratch: string): Promise<TreeEntry[]> {
  const entries = await Array.fromAsync(entriesBelow(session.writable, used))
  const [root] = entries
  if (root?.type !== 'file') return entries
  const physical = await session.writable.realPath(used.root)
  if (physical === undefined) throw new DockerToolsError('INTERNAL', `Cannot unpack "${used.path}": it is not on disk`)
  await unpackArchive(physical + used.path.slice(used.root.length), scratch)
  return await Array.fromAsync(treeEntries(toByteString(scratch), 'bytes'))
}

/** Folders of a store cannot be written to: what is merged into them has to be. */
function toCopied(entry: TreeEntry): CopiedEntry<Body> {
  if (entry.type === 'file') return { ...entry, body: () => entry.open() }
  return entry.type === 'directory' ? { ...entry, mode: 0o755 } : entry
}
