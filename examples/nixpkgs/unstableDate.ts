import { buildImage } from 'dockertools'

/**
 * The time of the build, at the price of another image with every build.
 *
 *     npx dockertools stream examples/nixpkgs/unstableDate.ts | docker load
 *     docker inspect -f '{{.Created}}' unstable-date
 */
export default buildImage({
  name: 'unstable-date',
  tag: 'latest',
  created: 'now',
})
