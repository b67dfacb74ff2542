import { streamLayeredImage } from 'dockertools'
import { bash, coreutils, hello } from './packages/packages.ts'

/**
 * With `enableFakechroot` the image is the root of the script. The bash in it runs the script.
 *
 *     npx dockertools stream examples/nixpkgs/imageViaFakeChroot.ts | docker load
 *     docker run --rm image-via-fake-chroot
 */
export default streamLayeredImage({
  name: 'image-via-fake-chroot',
  tag: 'latest',
  contents: [bash, coreutils],
  enableFakechroot: true,
  fakeRootCommands: `
    mkdir -p /opt/bin
    ln -s ${hello}/bin/hello /opt/bin/hello
  `,
  config: { Cmd: ['/opt/bin/hello'] },
})
