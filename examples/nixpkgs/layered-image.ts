import { buildLayeredImage } from 'dockertools'
import { bash, coreutils, hello } from './packages/packages.ts'

/**
 * Every store path has a layer as long as there are enough; what `extraCommands` makes is in the last one.
 *
 *     npx dockertools stream examples/nixpkgs/layered-image.ts | docker load
 *     docker run --rm layered-image
 *     docker run --rm layered-image /bin/cat extraCommands
 */
export default buildLayeredImage({
  name: 'layered-image',
  tag: 'latest',
  contents: [hello, bash, coreutils],
  extraCommands: `echo '(extraCommands)' > extraCommands`,
  config: { Cmd: [`${hello}/bin/hello`] },
})
