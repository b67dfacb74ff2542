import { buildLayeredImage } from 'dockertools'
import { bash } from './packages/packages.ts'

/**
 * A plain tar, in layers.
 *
 *     npx dockertools build examples/nixpkgs/bashLayeredUncompressed.ts -o result-bash.tar
 *     docker load -i result-bash.tar
 */
export default buildLayeredImage({
  name: 'bash-layered-uncompressed',
  tag: 'latest',
  compressor: 'none',
  contents: bash,
})
