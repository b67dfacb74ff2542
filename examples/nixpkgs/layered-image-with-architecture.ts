import { streamLayeredImage } from 'dockertools'

/**
 * As `build-image-with-architecture`, in layers.
 *
 *     npx dockertools stream examples/nixpkgs/layered-image-with-architecture.ts | docker load
 *     docker inspect -f '{{.Architecture}}' layered-image-with-architecture
 */
export default streamLayeredImage({
  name: 'layered-image-with-architecture',
  tag: 'latest',
  architecture: 'arm64',
  contents: './test-dummy',
})
