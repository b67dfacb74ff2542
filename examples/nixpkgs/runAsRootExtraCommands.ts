import { buildImage } from 'dockertools'
import { bash, coreutils } from './packages/packages.ts'

/**
 * `runAsRoot` comes first and sees the whole image, `extraCommands` works in the layer that it left.
 *
 *     npx dockertools stream examples/nixpkgs/runAsRootExtraCommands.ts | docker load
 *     docker run --rm runasrootextracommands cat runAsRoot extraCommands
 */
export default buildImage({
  name: 'runAsRootExtraCommands',
  tag: 'latest',
  copyToRoot: [bash, coreutils],
  runAsRoot: `echo '(runAsRoot)' > runAsRoot`,
  extraCommands: `echo '(extraCommands)' > extraCommands`,
  config: { Env: ['PATH=/bin'] },
})
