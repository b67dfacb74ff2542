import { streamNixShellImage } from 'dockertools'
import { mkShell } from './packages/mk-shell.ts'
import { bash } from './packages/packages.ts'

const greeting = `#!${bash}/bin/bash\necho 'Hello, world!'\n`

/**
 * `buildDerivation` builds the derivation, in the container.
 *
 *     npx dockertools stream examples/nixpkgs/nix-shell-basic.ts | docker load
 *     docker run --rm nix-shell-basic bash -c 'buildDerivation && $out'
 */
export default streamNixShellImage({
  name: 'nix-shell-basic',
  tag: 'latest',
  drv: mkShell({ greeting, buildCommand: 'printf %s "$greeting" > $out; chmod +x $out' }),
})
