import { streamNixShellImage } from 'dockertools'
import { mkShell } from './packages/mk-shell.ts'

/**
 * `$-` has an "i" where a shell is interactive.
 *
 *     npx dockertools stream examples/nixpkgs/nix-shell-command.ts | docker load
 *     docker run --rm -it nix-shell-command
 */
export default streamNixShellImage({
  name: 'nix-shell-command',
  tag: 'latest',
  drv: mkShell({}),
  command: 'case "$-" in *i*) echo This shell is interactive;; *) echo This shell is not interactive;; esac',
})
