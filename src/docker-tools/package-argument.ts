import { existsSync } from 'node:fs'
import { type Built, isPathLike, namedArguments, optionalOf, type PathLike } from '#derivation'
import { hostProgram } from '#packages'

/** The one argument of a helper: the package that it points to. */
export function packageArgument(helper: string, argument: string, args: object): PathLike | undefined {
  const named = namedArguments(helper, [args], [], [argument])
  return optionalOf(helper, named, argument, isPathLike, 'a path, or something to be made')
}

/** A program of this machine, where it has it. */
export function hostProgramOf(path: string): Built | undefined {
  return existsSync(path) ? hostProgram(path) : undefined
}
