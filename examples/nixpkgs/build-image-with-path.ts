import { buildImage } from 'dockertools'
import { bash, coreutils } from './packages/packages.ts'

/**
 * A path is taken from the folder of the definition.
 *
 *     npx dockertools stream examples/nixpkgs/build-image-with-path.ts | docker load
 *     docker run --rm build-image-with-path cat /hello.txt
 */
export default buildImage({
  name: 'build-image-with-path',
  tag: 'latest',
  copyToRoot: [bash, coreutils, './test-dummy'],
})
