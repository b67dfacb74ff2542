import { buildLayeredImage } from 'dockertools'
import { bash, hello } from './packages/packages.ts'

/**
 * One layer for all store paths, and one for the rest.
 *
 *     npx dockertools stream examples/nixpkgs/two-layered-image.ts | docker load
 *     docker run --rm two-layered-image
 */
export default buildLayeredImage({
  name: 'two-layered-image',
  tag: 'latest',
  contents: [bash, hello],
  maxLayers: 2,
  config: { Cmd: [`${hello}/bin/hello`] },
})
