import { buildLayeredImage } from 'dockertools'
import { bash, coreutils, makeHello, thisArchitecture } from './packages/packages.ts'

const uniqueHello = makeHello('layeredImageWithFakeRootCommands-hello', thisArchitecture)

/**
 * Owners without root. What the script names, such as the program here, is in the image too.
 *
 *     npx dockertools stream examples/nixpkgs/layeredImageWithFakeRootCommands.ts | docker load
 *     docker run --rm layered-image-with-fake-root-commands stat -c %u /home/alice
 */
export default buildLayeredImage({
  name: 'layered-image-with-fake-root-commands',
  tag: 'latest',
  contents: [bash, coreutils],
  fakeRootCommands: `
    mkdir -p ./home/alice
    chown 1000 ./home/alice
    ln -s ${uniqueHello} ./hello
  `,
})
