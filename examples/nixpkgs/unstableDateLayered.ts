import { buildLayeredImage } from 'dockertools'
import { hello } from './packages/packages.ts'

/**
 * As `unstableDate`, in layers.
 *
 *     npx dockertools stream examples/nixpkgs/unstableDateLayered.ts | docker load
 *     docker inspect -f '{{.Created}}' unstable-date-layered
 */
export default buildLayeredImage({
  name: 'unstable-date-layered',
  tag: 'latest',
  created: 'now',
  contents: hello,
})
