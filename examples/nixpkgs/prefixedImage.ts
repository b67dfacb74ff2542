import { buildImage } from 'dockertools'
import { hello } from './packages/packages.ts'

/**
 * The name says where the image is to be pushed to.
 *
 *     npx dockertools stream examples/nixpkgs/prefixedImage.ts | docker load
 *     docker images registry-1.docker.io/image
 */
export default buildImage({
  name: 'registry-1.docker.io/image',
  tag: 'latest',
  config: { Cmd: ['/bin/hello'] },
  copyToRoot: hello,
})
