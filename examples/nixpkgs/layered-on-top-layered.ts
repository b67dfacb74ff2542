import { buildLayeredImage } from 'dockertools'
import layeredImage from './layered-image.ts'
import { bash, coreutils } from './packages/packages.ts'

/**
 * Layers on top of layers.
 *
 *     npx dockertools stream examples/nixpkgs/layered-on-top-layered.ts | docker load
 *     docker run --rm layered-on-top-layered
 */
export default buildLayeredImage({
  name: 'layered-on-top-layered',
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
