import { streamLayeredImage } from 'dockertools'
import { hello } from './packages/packages.ts'

/**
 * `contents` are linked into the root of the image, from its store.
 *
 *     npx dockertools stream examples/nixpkgs/helloOnRoot.ts | docker load
 *     docker run --rm hello
 */
export default streamLayeredImage({
  name: 'hello',
  tag: 'latest',
  contents: hello,
  config: { Cmd: ['/bin/hello'] },
})
