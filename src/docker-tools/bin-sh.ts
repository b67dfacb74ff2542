import { type Built, type PathLike } from '#derivation'
import type { PackageChoice } from '#packages'
import { makeLinkHelper } from './link-helper.ts'
import { hostProgramOf, packageArgument } from './package-argument.ts'

/** Arguments of `binSh`. */
export interface BinShArgs {
  /** What has `bin/bash`. Default: `bashInteractive` or `bash` of nixpkgs (lock file, then Nix), then this machine's. */
  readonly bash?: PathLike
}

/** Where a shell comes from that nobody has given. */
export const BASH: PackageChoice = {
  helper: 'binSh',
  argument: 'bash',
  attributes: ['bashInteractive', 'bash'],
  ofHost: () => hostProgramOf('/bin/bash') ?? hostProgramOf('/usr/bin/bash'),
}

/**
 * `/bin/sh`, which is bash.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is made, `PACKAGE_MISSING`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `binSh`
 */
export function binSh(args: BinShArgs = {}): Built {
  const bash = packageArgument('binSh', 'bash', args)
  return makeLinkHelper({ name: 'bin-sh', choice: BASH, links: { 'bin/sh': 'bin/bash' } }, bash)
}
