import { streamNixShellImage } from 'dockertools'
import { mkShell } from './packages/mk-shell.ts'

/**
 * A home that is not there, so that nothing reads or leaves files in it.
 *
 *     npx dockertools stream examples/nixpkgs/nix-shell-nonexistent-home.ts | docker load
 *     docker run --rm -it nix-shell-nonexistent-home
 */
export default streamNixShellImage({
  name: 'nix-shell-nonexistent-home',
  tag: 'latest',
  drv: mkShell({}),
  homeDirectory: '/homeless-shelter',
  command: '[[ $HOME == $(eval echo "~$(id -un)") && ! -e $HOME ]] && echo "$HOME"',
})
