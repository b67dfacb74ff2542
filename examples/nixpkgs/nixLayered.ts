import { buildLayeredImageWithNixDb } from 'dockertools'
import { bash, coreutils, nix } from './packages/packages.ts'

/**
 * As `nix`, with store paths in layers of their own.
 *
 *     npx dockertools stream examples/nixpkgs/nixLayered.ts | docker load
 *     docker run --rm nix-layered nix
 */
export default buildLayeredImageWithNixDb({
  name: 'nix-layered',
  contents: [coreutils, bash, nix],
  tag: 'latest',
  config: { Env: ['NIX_PAGER=cat', 'USER=nobody', 'PATH=/bin'] },
})
