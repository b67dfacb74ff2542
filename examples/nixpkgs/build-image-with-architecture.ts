import { buildImage } from 'dockertools'

/**
 * What the configuration says. The files are what they are.
 *
 *     npx dockertools stream examples/nixpkgs/build-image-with-architecture.ts | docker load
 *     docker inspect -f '{{.Architecture}}' build-image-with-architecture
 */
export default buildImage({
  name: 'build-image-with-architecture',
  tag: 'latest',
  architecture: 'arm64',
  copyToRoot: './test-dummy',
})
