import { streamLayeredImage } from 'dockertools'
import { bash, coreutils } from './packages/packages.ts'

/**
 * As `build-image-with-path`: local files get a store path.
 *
 *     npx dockertools stream examples/nixpkgs/layered-image-with-path.ts | docker load
 *     docker run --rm layered-image-with-path cat /hello.txt
 */
export default streamLayeredImage({
  name: 'layered-image-with-path',
  tag: 'latest',
  contents: [bash, coreutils, './test-dummy'],
})
