import { buildImage } from 'dockertools'

/**
 * An image can be nothing but configuration.
 *
 *     npx dockertools stream examples/nixpkgs/environmentVariablesParent.ts | docker load
 *     docker inspect -f '{{.Config.Env}}' parent
 */
export default buildImage({
  name: 'parent',
  tag: 'latest',
  config: { Env: ['FROM_PARENT=true', 'LAST_LAYER=parent'] },
})
