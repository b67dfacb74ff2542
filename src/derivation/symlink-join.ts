import { jsonObject } from '#image'
import { report } from '#events'
import { type JoinCollision, joinTrees, type TreeEntry } from '#tree'
import { byteStringToText, toByteString } from '#util'
import type { Built, Meta } from './built.ts'
import { entriesBelow } from './entries-below.ts'
import { isMeta } from './is-meta.ts'
import { argumentOf, isText, namedArguments, optionalOf } from './named-arguments.ts'
import { makeOwnOutput } from './own-output.ts'
import type { PathLike } from './path-like.ts'
import { planPostBuild } from './post-build.ts'
import { isShell } from './run-command.ts'
import { isPathList, resolvePaths } from './used-paths.ts'

/** Arguments of `symlinkJoin`. */
export interface SymlinkJoinArgs {
  /** Name of the store path. */
  readonly name: string
  /** The first to have a file wins. */
  readonly paths: readonly PathLike[]
  /** A script that is run over the result, which is `$out`. */
  readonly postBuild?: string
  /** What runs `postBuild`. Default: `/bin/bash` of the machine that builds. */
  readonly shell?: PathLike
  /** `priority`: in `buildEnv` the smaller number wins; default 5. */
  readonly meta?: Meta
}

/**
 * Trees as one: folders are merged, everything in them is a symlink.
 *
 * @param given `name` and `paths` are needed; the first path to have a file wins.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is made,
 *   `FILE_TYPE_UNSUPPORTED` for a path that is no folder.
 * @see nixpkgs `pkgs/build-support/trivial-builders/default.nix`, `symlinkJoin`
 *
 * @example A text and a local folder as one
 * ```ts
 * import { realise, symlinkJoin, writeTextDir } from 'dockertools'
 *
 * const both = symlinkJoin({ name: 'both', paths: [writeTextDir('a', ''), './examples/hello/root'] })
 * const { path } = await realise(both, { stores: ['local:./result-store'] })
 * console.log(path)
 * ```
 */
export function symlinkJoin(given: SymlinkJoinArgs): Built {
  const args = namedArguments('symlinkJoin', [given], [], ['name', 'paths', 'postBuild', 'shell', 'meta'])
  const name = argumentOf('symlinkJoin', args, 'name', isText, 'a text')
  const paths = [...argumentOf('symlinkJoin', args, 'paths', isPathList, 'a list of paths')]
  const script = optionalOf('symlinkJoin', args, 'postBuild', isText, 'a text') ?? ''
  const shell = optionalOf('symlinkJoin', args, 'shell', isShell, 'a path, or something to be made')
  const meta = optionalOf('symlinkJoin', args, 'meta', isMeta, 'an object with a priority') ?? {}
  return makeOwnOutput(name, 'symlinkJoin', meta, async (session) => {
    const used = await resolvePaths(session, paths)
    const post = await planPostBuild(session, name, script, shell)
    return {
      args: jsonObject({ paths: used.paths.map(({ path }) => path), ...post.args }),
      values: [...used.values, ...post.values],
      inputs: [...used.roots, ...post.inputs],
      async content() {
        const sources = used.paths.map((path) => ({
          target: toByteString(path.path),
          entries: entriesBelow(session.writable, path),
        }))
        return asStream((await joinTrees(sources, (collision) => reportCollision(name, collision))).entries('bytes'))
      },
      finish: post.run,
    }
  })
}

function reportCollision(name: string, { path, source, kept }: JoinCollision): void {
  const message = `"${byteStringToText(path)}" of "${byteStringToText(source)}" is left out of "${name}": an earlier path has a ${kept} there`
  report({ type: 'warning', code: 'CONTENTS_COLLISION', message })
}

// oxlint-disable-next-line require-await -- trees come asynchronously
export async function* asStream(entries: Iterable<TreeEntry>): AsyncGenerator<TreeEntry> {
  yield* entries
}
