import { buildImage } from 'dockertools'
import { bash } from './packages/packages.ts'

/**
 * Smaller than with gzip, and sooner there.
 *
 *     npx dockertools build examples/nixpkgs/bashZstdCompressed.ts -o result-bash.tar.zst
 *     npx dockertools load result-bash.tar.zst
 */
export default buildImage({
  name: 'bash-zstd',
  tag: 'latest',
  compressor: 'zstd',
  copyToRoot: bash,
})
