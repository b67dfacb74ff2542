import { type Built, type RealiseSession } from '#derivation'
import { DockerToolsError } from '#errors'
import { report } from '#events'
import { findPackage, nixpkgs } from './nixpkgs.ts'
import { LOCK_FILE_NAME } from './package-lock.ts'

/** A package that a helper points to unless another is given. */
export interface PackageChoice {
  /** The function and argument that it is for, for messages: `binSh`, `bash`. */
  readonly helper: string
  readonly argument: string
  /** Attributes of nixpkgs, the best first. */
  readonly attributes: readonly [string, ...string[]]
  /** What this machine has of it. */
  readonly ofHost: () => Built | undefined
}

/**
 * Finds a package: in the lock file, in an installed Nix's nixpkgs, on this
 * machine, in this order.
 *
 * @throws {DockerToolsError} `PACKAGE_MISSING`, saying how one can be given.
 */
export async function choosePackage(session: RealiseSession, choice: PackageChoice): Promise<Built> {
  const { helper, argument, attributes, ofHost } = choice
  return await session.once(`package for ${helper} ${argument}`, async () => {
    let reasons: readonly string[] = []
    for (const attribute of attributes) {
      const found = await findPackage(session, attribute)
      if ('path' in found) return nixpkgs(attribute)
      reasons = reasons.length === 0 ? found.absence : reasons
    }
    const host = ofHost()
    if (host !== undefined) {
      const message = `${helper} takes ${argument} from this machine: the result may be another on another machine`
      report({ type: 'warning', code: 'HOST_PACKAGE', message })
      return host
    }
    throw new DockerToolsError(
      'PACKAGE_MISSING',
      `Cannot choose ${argument} for ${helper}: ${reasons.join(', ')}, and this machine has none`,
      { hint: `Give "${argument}", or add "${attributes[0]}" to ${LOCK_FILE_NAME} in the definition's folder` },
    )
  })
}
