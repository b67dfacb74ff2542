import { streamNixShellImage } from 'dockertools'
import { mkShell } from './packages/mk-shell.ts'

/**
 * As `nix-shell` would do it.
 *
 *     npx dockertools stream examples/nixpkgs/nix-shell-hook.ts | docker load
 *     docker run --rm -it nix-shell-hook
 */
export default streamNixShellImage({
  name: 'nix-shell-hook',
  tag: 'latest',
  drv: mkShell({ shellHook: 'echo "This is the shell hook!"; exit' }),
})
