import { buildEnv, buildImage } from 'dockertools'
import { bash } from './packages/packages.ts'

/**
 * The basic image: one program and what it needs, in one layer.
 *
 *     npx dockertools stream examples/nixpkgs/bash.ts | docker load
 *     docker run --rm bash bash --version
 */
export default buildImage({
  name: 'bash',
  tag: 'latest',
  copyToRoot: buildEnv({ name: 'image-root', paths: [bash] }),
  meta: { description: 'Bash, and nothing else' },
})
