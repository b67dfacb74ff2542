import { buildLayeredImage } from 'dockertools'
import { hello } from './packages/packages.ts'

/**
 * A program is copied, and run; nothing names its store path, so the store is not in the image.
 *
 *     npx dockertools stream examples/nixpkgs/no-store-paths.ts | docker load
 *     docker run --rm no-store-paths
 */
export default buildLayeredImage({
  name: 'no-store-paths',
  tag: 'latest',
  extraCommands: `
    mkdir bin
    cp ${hello}/bin/hello bin/hello
    ${hello}/bin/hello > greeting
  `,
  config: { Cmd: ['/bin/hello'] },
})
