import { buildLayeredImage, fakeNss } from 'dockertools'
import { bash, coreutils } from './packages/packages.ts'

/**
 * Folders of the store are open to all; `fakeNss` makes the user.
 *
 *     npx dockertools stream examples/nixpkgs/bashLayeredWithUser.ts | docker load
 *     docker run --rm -u somebody bash-layered-with-user stat -c '%a %n' /nix /nix/store
 */
export default buildLayeredImage({
  name: 'bash-layered-with-user',
  tag: 'latest',
  contents: [
    bash,
    coreutils,
    fakeNss({ extraPasswdLines: ['somebody:x:999:999::/tmp:/bin/bash'], extraGroupLines: ['somebody:x:999:'] }),
  ],
})
