import { streamNixShellImage } from 'dockertools'
import { mkShell } from './packages/mk-shell.ts'
import { bash } from './packages/packages.ts'

const greeting = `#!${bash}/bin/bash\necho 'Hello, world!'\n`

/**
 * The derivation is not built before the container is there.
 *
 *     npx dockertools stream examples/nixpkgs/nix-shell-build-derivation.ts | docker load
 *     docker run --rm -it nix-shell-build-derivation
 */
export default streamNixShellImage({
  name: 'nix-shell-build-derivation',
  tag: 'latest',
  drv: mkShell({ greeting, buildCommand: 'printf %s "$greeting" > $out; chmod +x $out' }),
  command: 'buildDerivation && $out',
})
