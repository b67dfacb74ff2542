import { buildImage } from 'dockertools'
import nixFromDockerHub from './nixFromDockerHub.ts'
import { hello } from './packages/packages.ts'

/**
 * A layer on top of an image of a registry. The name of an image is in small letters, whatever is given.
 *
 *     npx dockertools stream examples/nixpkgs/onTopOfPulledImage.ts | docker load
 *     docker run --rm ontopofpulledimage
 */
export default buildImage({
  name: 'onTopOfPulledImage',
  tag: 'latest',
  fromImage: nixFromDockerHub,
  copyToRoot: hello,
  config: { Cmd: ['/bin/hello'] },
})
