import { buildImage } from 'dockertools'
import { bash } from './packages/packages.ts'

/**
 * A plain tar.
 *
 *     npx dockertools build examples/nixpkgs/bashUncompressed.ts -o result-bash.tar
 *     docker load -i result-bash.tar
 */
export default buildImage({
  name: 'bash-uncompressed',
  tag: 'latest',
  compressor: 'none',
  copyToRoot: bash,
})
