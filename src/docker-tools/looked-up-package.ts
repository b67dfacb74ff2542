import { type Built, makeBuilt } from '#derivation'
import { choosePackage, type PackageChoice } from '#packages'

/** A package that is looked for when it is used. */
export function lookedUpPackage(choice: PackageChoice): Built {
  return makeBuilt(
    choice.argument,
    {},
    {
      name: choice.argument,
      outPath: async (session) => await session.outPath(await choosePackage(session, choice)),
      realise: async (session) => await session.realise(await choosePackage(session, choice)),
    },
  )
}
