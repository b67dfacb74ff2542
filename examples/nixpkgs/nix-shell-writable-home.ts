import { streamNixShellImage } from 'dockertools'
import { mkShell } from './packages/mk-shell.ts'

/**
 * Without `homeDirectory` it is the folder that the derivation is built in.
 *
 *     npx dockertools stream examples/nixpkgs/nix-shell-writable-home.ts | docker load
 *     docker run --rm -it nix-shell-writable-home
 */
export default streamNixShellImage({
  name: 'nix-shell-writable-home',
  tag: 'latest',
  drv: mkShell({}),
  command: '[[ $HOME == $(eval echo "~$(id -un)") ]] && echo written > "$HOME/file" && cat "$HOME/file"',
})
