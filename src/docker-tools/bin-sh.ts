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
 * @param args `bash`: a package whose `bin/bash` it is; without it one is looked for.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is made, `PACKAGE_MISSING`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `binSh`
 *
 * @example An image with a shell
 * ```ts
 * import { binSh, streamLayeredImage } from 'dockertools'
 *
 * const image = streamLayeredImage({ name: 'shell', tag: '1', contents: binSh(), config: { Cmd: ['/bin/sh'] } })
 * console.log((await image.layers({ stores: ['local:./result-store'] })).length)
 * ```
 */
export function binSh(args: BinShArgs = {}): Built {
  const bash = packageArgument('binSh', 'bash', args)
  return makeLinkHelper({ name: 'bin-sh', choice: BASH, links: { 'bin/sh': 'bin/bash' } }, bash)
}
