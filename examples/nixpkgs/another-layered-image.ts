import { buildLayeredImage } from 'dockertools'
import { hello } from './packages/packages.ts'

/**
 * Only a command. The layer of its program is the one that `layered-image` has.
 *
 *     npx dockertools stream examples/nixpkgs/another-layered-image.ts | docker load
 *     docker run --rm another-layered-image
 */
export default buildLayeredImage({
  name: 'another-layered-image',
  tag: 'latest',
  config: { Cmd: [`${hello}/bin/hello`] },
})
