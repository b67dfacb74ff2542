import { buildImage } from 'dockertools'
import layeredImage from './layered-image.ts'
import { bash, coreutils } from './packages/packages.ts'

/**
 * A single layer on top of an image in layers.
 *
 *     npx dockertools stream examples/nixpkgs/layered-on-top.ts | docker load
 *     docker run --rm layered-on-top
 */
export default buildImage({
  name: 'layered-on-top',
  tag: 'latest',
  fromImage: layeredImage,
  extraCommands: `
    mkdir example-output
    chmod 777 example-output
  `,
  config: {
    Env: [`PATH=${coreutils}/bin`],
    WorkingDir: '/example-output',
    Cmd: [`${bash}/bin/bash`, '-c', 'echo hello > foo; cat foo'],
  },
})
