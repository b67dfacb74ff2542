import { streamLayeredImage } from 'dockertools'

/**
 * What stands in for `nixos/nix` of Docker Hub: always the same bytes, so that its digest is known. `bin/nix-store` is
 * what `programThatPrints` makes.
 */
export default streamLayeredImage({
  name: 'nixos/nix',
  tag: '2.2.1',
  architecture: 'amd64',
  contents: './root',
  config: { Env: ['PATH=/bin'] },
})
