import { buildLayeredImage } from 'dockertools'
import parent from './environmentVariablesParent.ts'
import { coreutils } from './packages/packages.ts'

/**
 * As `environmentVariables`; here what is overridden is not in the configuration any more.
 *
 *     npx dockertools stream examples/nixpkgs/environmentVariablesLayered.ts | docker load
 *     docker run --rm child env
 */
export default buildLayeredImage({
  name: 'child',
  tag: 'latest',
  fromImage: parent,
  contents: coreutils,
  config: { Env: ['FROM_CHILD=true', 'LAST_LAYER=child'] },
})
