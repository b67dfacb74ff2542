import { buildLayeredImage } from 'dockertools'
import { coreutils, hello } from './packages/packages.ts'

/**
 * What has no layer of its own is together in the last one.
 *
 *     npx dockertools stream examples/nixpkgs/bulk-layer.ts | docker load
 *     docker run --rm bulk-layer ls /bin/hello
 */
export default buildLayeredImage({
  name: 'bulk-layer',
  tag: 'latest',
  contents: [coreutils, hello],
  maxLayers: 2,
})
