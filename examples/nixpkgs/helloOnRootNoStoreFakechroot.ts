import { streamLayeredImage } from 'dockertools'
import { bash, hello } from './packages/packages.ts'

/**
 * The store is there for the script alone.
 *
 *     npx dockertools stream examples/nixpkgs/helloOnRootNoStoreFakechroot.ts --store "local:$PWD/result-store" | docker load
 *     docker run --rm -v "$PWD/result-store/nix/store:/nix/store:ro" hello
 */
export default streamLayeredImage({
  name: 'hello',
  tag: 'latest',
  contents: [bash, hello],
  config: { Cmd: ['/bin/hello'] },
  includeStorePaths: false,
  enableFakechroot: true,
  fakeRootCommands: '/bin/hello > /greeting',
})
