import { buildLayeredImage } from 'dockertools'
import { bash } from './packages/packages.ts'

/**
 * The archive is compressed, not each layer by itself.
 *
 *     npx dockertools build examples/nixpkgs/bashLayeredZstdCompressed.ts -o result-bash.tar.zst
 *     npx dockertools load result-bash.tar.zst
 */
export default buildLayeredImage({
  name: 'bash-layered-zstd',
  tag: 'latest',
  compressor: 'zstd',
  contents: bash,
})
