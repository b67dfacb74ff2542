import type { StorePath } from '#store'
import { isPathLike, type PathLike, resolvePath, type UsedPath } from './path-like.ts'
import type { Realisable, RealiseSession } from './realisable.ts'

/** The paths of a list, in its order, and what has to be made for them. */
export interface UsedPaths {
  readonly paths: readonly UsedPath[]
  readonly values: readonly Realisable[]
  readonly roots: readonly StorePath[]
}

/** Resolves a list of paths. */
export async function resolvePaths(session: RealiseSession, given: readonly PathLike[]): Promise<UsedPaths> {
  const paths = await session.all(given.map((path) => resolvePath(session, path)))
  return {
    paths,
    values: paths.flatMap(({ value }) => (value === undefined ? [] : [value])),
    roots: paths.map(({ root }) => root),
  }
}

/** Whether a value is a list of paths. */
export function isPathList(value: unknown): value is readonly PathLike[] {
  return Array.isArray(value) && value.every(isPathLike)
}
