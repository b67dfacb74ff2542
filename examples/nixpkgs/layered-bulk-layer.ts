import { buildLayeredImage } from 'dockertools'
import twoLayeredImage from './two-layered-image.ts'
import { coreutils, hello } from './packages/packages.ts'

/**
 * Two layers of the base, and two more.
 *
 *     npx dockertools stream examples/nixpkgs/layered-bulk-layer.ts | docker load
 *     docker inspect -f '{{len .RootFS.Layers}}' layered-bulk-layer
 */
export default buildLayeredImage({
  name: 'layered-bulk-layer',
  tag: 'latest',
  fromImage: twoLayeredImage,
  contents: [coreutils, hello],
  maxLayers: 4,
})
