import { buildImage } from 'dockertools'
import { makeHello, thisArchitecture } from './packages/packages.ts'

const architecture = thisArchitecture === 'amd64' ? 'arm64' : 'amd64'

/**
 * A program for the other of two processors. nixpkgs would compile it; here it is assembled.
 *
 *     npx dockertools stream examples/nixpkgs/cross.ts | docker load
 *     docker inspect -f '{{.Architecture}}' hello-cross
 */
export default buildImage({
  name: 'hello-cross',
  tag: 'latest',
  architecture,
  copyToRoot: makeHello('hello-cross', architecture),
  config: { Cmd: ['/bin/hello'] },
})
