import { type Built, type PathLike } from '#derivation'
import type { PackageChoice } from '#packages'
import { hostProgramOf, packageArgument } from './package-argument.ts'
import { makeLinkHelper } from './link-helper.ts'

/** Arguments of `usrBinEnv`. */
export interface UsrBinEnvArgs {
  /** What has `bin/env`. Default: `coreutils` of nixpkgs (lock file, then Nix), then this machine's. */
  readonly coreutils?: PathLike
}

/** Where coreutils come from that nobody has given. */
export const COREUTILS: PackageChoice = {
  helper: 'usrBinEnv',
  argument: 'coreutils',
  attributes: ['coreutils'],
  ofHost: () => hostProgramOf('/usr/bin/env'),
}

/**
 * `/usr/bin/env`, for scripts that begin with `#!/usr/bin/env`.
 *
 * @param args `coreutils`: a package whose `bin/env` it is; without it one is looked for.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is made, `PACKAGE_MISSING`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `usrBinEnv`
 *
 * @example For the root of an image
 * ```ts
 * import { realise, usrBinEnv } from 'dockertools'
 *
 * const env = usrBinEnv()
 * const { path } = await realise(env, { stores: ['local:./result-store'] })
 * console.log(`${path}/usr/bin/env`)
 * ```
 */
export function usrBinEnv(args: UsrBinEnvArgs = {}): Built {
  const coreutils = packageArgument('usrBinEnv', 'coreutils', args)
  return makeLinkHelper(
    {
      name: 'usr-bin-env',
      choice: COREUTILS,
      links: { 'usr/bin/env': 'bin/env' },
    },
    coreutils,
  )
}
