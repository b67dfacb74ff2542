import { buildLayeredImage } from 'dockertools'
import { hello } from './packages/packages.ts'

/**
 * As `prefixedImage`, in layers.
 *
 *     npx dockertools stream examples/nixpkgs/prefixedLayeredImage.ts | docker load
 *     docker images registry-1.docker.io/layered-image
 */
export default buildLayeredImage({
  name: 'registry-1.docker.io/layered-image',
  tag: 'latest',
  config: { Cmd: [`${hello}/bin/hello`] },
})
