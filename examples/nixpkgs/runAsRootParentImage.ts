import { buildImage } from 'dockertools'
import bashImage from './bash.ts'

/**
 * A layer that only a script makes.
 *
 *     npx dockertools stream examples/nixpkgs/runAsRootParentImage.ts | docker load
 *     docker run --rm runas-root-parent-image bash -c 'test -e /example-file'
 */
export default buildImage({
  name: 'runas-root-parent-image',
  tag: 'latest',
  fromImage: bashImage,
  runAsRoot: ': > /example-file',
})
