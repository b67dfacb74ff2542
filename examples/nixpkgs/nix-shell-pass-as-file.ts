import { streamNixShellImage } from 'dockertools'
import { mkShell } from './packages/mk-shell.ts'

/**
 * Variables that are too long for an environment come in files.
 *
 *     npx dockertools stream examples/nixpkgs/nix-shell-pass-as-file.ts | docker load
 *     docker run --rm -it nix-shell-pass-as-file
 */
export default streamNixShellImage({
  name: 'nix-shell-pass-as-file',
  tag: 'latest',
  drv: mkShell({ str: 'this is a string', passAsFile: ['str'] }),
  command: 'cat "$strPath"',
})
