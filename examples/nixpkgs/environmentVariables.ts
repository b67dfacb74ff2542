import { buildImage } from 'dockertools'
import parent from './environmentVariablesParent.ts'
import { coreutils } from './packages/packages.ts'

/**
 * The last definition of a variable counts.
 *
 *     npx dockertools stream examples/nixpkgs/environmentVariables.ts | docker load
 *     docker run --rm child env
 */
export default buildImage({
  name: 'child',
  tag: 'latest',
  fromImage: parent,
  copyToRoot: coreutils,
  config: { Env: ['FROM_CHILD=true', 'LAST_LAYER=child'] },
})
