import { streamLayeredImage } from 'dockertools'
import { bash, coreutils, nix } from './packages/packages.ts'

/**
 * `includeNixDB` is what the functions with `NixDb` in their name set.
 *
 *     npx dockertools stream examples/nixpkgs/nix-layered.ts | docker load
 *     docker run --rm nix-layered nix
 */
export default streamLayeredImage({
  name: 'nix-layered',
  tag: 'latest',
  contents: [coreutils, bash, nix],
  includeNixDB: true,
  config: { Env: ['NIX_PAGER=cat', 'USER=nobody', 'PATH=/bin'] },
})
