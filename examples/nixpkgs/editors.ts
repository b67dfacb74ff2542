import { buildEnv, buildImage } from 'dockertools'
import { bash, coreutils, perl, sed } from './packages/packages.ts'

/**
 * Several packages, linked together. The tag is a hash of all that the image is made of.
 *
 *     npx dockertools stream examples/nixpkgs/editors.ts | docker load
 *     docker images editors
 */
export default buildImage({
  name: 'editors',
  copyToRoot: buildEnv({ name: 'image-root', paths: [coreutils, bash, sed, perl] }),
})
