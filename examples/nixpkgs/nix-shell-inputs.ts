import { streamNixShellImage } from 'dockertools'
import { mkShell } from './packages/mk-shell.ts'
import { hello } from './packages/packages.ts'

/**
 * `command` is run by an interactive shell, which ends with it.
 *
 *     npx dockertools stream examples/nixpkgs/nix-shell-inputs.ts | docker load
 *     docker run --rm -it nix-shell-inputs
 */
export default streamNixShellImage({
  name: 'nix-shell-inputs',
  tag: 'latest',
  drv: mkShell({ nativeBuildInputs: [hello] }),
  command: 'hello',
})
