import { existsSync } from 'node:fs'
import { type Built, findPlaceholders, type PathLike } from '#derivation'
import { report } from '#events'
import { choosePackage, findPackage, hostProgram, nixpkgs } from '#packages'
import { BASH } from './bin-sh.ts'
import type { BuildContext } from './build-context.ts'
import type { ShellDerivation } from './read-shell-derivation.ts'

/** The bash of a nix-shell image. */
export interface ShellBash {
  /** Has `bin/bash`. */
  readonly package: PathLike
  /** What else has to be linked into the image's root for the derivation's builder to be there. */
  readonly beside: readonly Built[]
}

/** The image has it as `/bin/sh`. */
const SHELL_OF_IMAGE = '/bin/sh'

/**
 * Nixpkgs' bash where it is at hand; else the one that the derivation is built
 * with, which is in the image anyway; else this machine's.
 *
 * A builder outside the store is a program of this machine, and comes along.
 *
 * @throws {DockerToolsError} `PACKAGE_MISSING`.
 */
export async function chooseShellBash(drv: ShellDerivation, { session, store }: BuildContext): Promise<ShellBash> {
  const { builder } = drv
  const outside = isOutside(builder, store.dir) ? builder : undefined
  const isHere = outside !== undefined && existsSync(outside)
  if (outside !== undefined && !isHere) {
    const message = `the builder of derivation "${drv.name}" is "${outside}", which this machine does not have, nor will the image`
    report({ type: 'warning', code: 'BUILDER_MISSING', message })
  }
  for (const attribute of BASH.attributes) {
    if (!('path' in (await findPackage(session, attribute)))) continue
    return { package: nixpkgs(attribute), beside: isHere ? [hostProgram(outside)] : [] }
  }
  const own = packageOfBuilder(builder, store.dir)
  if (own !== undefined) return { package: own, beside: [] }
  const chosen = await choosePackage(session, { ...BASH, helper: 'streamNixShellImage', argument: 'shell' })
  const bash = BASH_PLACES.find((place) => existsSync(place))
  if (!isHere || bash === undefined || outside === bash) return { package: chosen, beside: [] }
  // One tree of both: they have a loader and libraries in common.
  return { package: hostProgram([bash, outside]), beside: [] }
}

const BASH_PLACES = ['/bin/bash', '/usr/bin/bash']

/** Whether a builder is a program of the machine. */
function isOutside(builder: string, storeDir: string): boolean {
  if (!builder.startsWith('/') || builder === SHELL_OF_IMAGE || builder.startsWith(`${storeDir}/`)) return false
  return ![...findPlaceholders(builder).keys()].some((placeholder) => builder.startsWith(placeholder))
}

/** The package of a builder that is a bash of the store. */
function packageOfBuilder(builder: string, storeDir: string): PathLike | undefined {
  const end = '/bin/bash'
  if (!builder.endsWith(end)) return undefined
  const path = builder.slice(0, -end.length)
  const made = findPlaceholders(path).get(path)
  if (made !== undefined) return made
  return path.startsWith(`${storeDir}/`) && !path.includes('/', storeDir.length + 1) ? path : undefined
}
