import { streamNixShellImage } from 'dockertools'
import { mkShell } from './packages/mk-shell.ts'

/**
 * `$-` has an "i" where a shell is interactive.
 *
 *     npx dockertools stream examples/nixpkgs/nix-shell-run.ts | docker load
 *     docker run --rm nix-shell-run
 */
export default streamNixShellImage({
  name: 'nix-shell-run',
  tag: 'latest',
  drv: mkShell({}),
  run: 'case "$-" in *i*) echo This shell is interactive;; *) echo This shell is not interactive;; esac',
})
