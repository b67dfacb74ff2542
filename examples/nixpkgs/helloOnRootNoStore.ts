import { streamLayeredImage } from 'dockertools'
import { hello } from './packages/packages.ts'

/**
 * Links, and nothing that they lead to: for machines that mount a store.
 *
 *     npx dockertools stream examples/nixpkgs/helloOnRootNoStore.ts --store "local:$PWD/result-store" | docker load
 *     docker run --rm -v "$PWD/result-store/nix/store:/nix/store:ro" hello
 */
export default streamLayeredImage({
  name: 'hello',
  tag: 'latest',
  contents: hello,
  config: { Cmd: ['/bin/hello'] },
  includeStorePaths: false,
})
