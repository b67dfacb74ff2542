import { type Built, isRealisable, makeOwnOutput, type PathLike, type RealiseSession, resolvePath } from '#derivation'
import { jsonObject } from '#image'
import { choosePackage, isHostProgram, type PackageChoice } from '#packages'
import type { StorePath } from '#store'
import { joinTrees, type TreeEntry } from '#tree'
import { toByteString } from '#util'

/** A helper that is a few symlinks into one package. */
export interface LinkHelper {
  /** Upstream's name of the output. */
  readonly name: string
  readonly choice: PackageChoice
  /** Where the links are, and what of the package they point to. */
  readonly links: Readonly<Record<string, string>>
}

/**
 * Makes such a helper.
 *
 * A program of this machine is not complete without its loader and libraries
 * at their places, so these are linked too.
 *
 * @param given The package, or undefined to look for one when it is made.
 */
export function makeLinkHelper(helper: LinkHelper, given: PathLike | undefined): Built {
  const { name, choice, links } = helper
  return makeOwnOutput(name, choice.helper, {}, async (session) => {
    const chosen = given ?? (await choosePackage(session, choice))
    const { path, root, value } = await resolvePath(session, chosen)
    const isHost = isRealisable(chosen) && isHostProgram(chosen)
    return {
      args: jsonObject({ [choice.argument]: path, ...(isHost ? { linked: true } : {}) }),
      values: value === undefined ? [] : [value],
      inputs: [root],
      content: () => linkedTree(session, path, links, isHost),
    }
  })
}

async function linkedTree(
  session: RealiseSession,
  path: string,
  links: LinkHelper['links'],
  isHost: boolean,
): Promise<AsyncIterable<TreeEntry>> {
  const own = { target: toByteString(path), entries: linkEntries(path, links) }
  const host = { target: toByteString(path), entries: isHost ? session.writable.entries(path as StorePath) : [] }
  const joined = await joinTrees(isHost ? [own, host] : [own])
  return (async function* stream() {
    yield* joined.entries('bytes')
  })()
}

function* linkEntries(path: string, links: LinkHelper['links']): Generator<TreeEntry> {
  yield { type: 'directory', path: toByteString(''), mode: 0o755 }
  const folders = new Set<string>()
  for (const [place, target] of Object.entries(links)) {
    const parts = place.split('/')
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/')
      if (folders.has(folder)) continue
      folders.add(folder)
      yield { type: 'directory', path: toByteString(folder), mode: 0o755 }
    }
    yield { type: 'symlink', path: toByteString(place), mode: 0o777, target: toByteString(`${path}/${target}`) }
  }
}
