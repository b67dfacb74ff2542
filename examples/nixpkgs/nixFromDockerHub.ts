import { pullImage, type PullImageArgs } from 'dockertools'

/** The arguments of this image and of `testNixFromDockerHub`. */
export const args: PullImageArgs = {
  // A registry on this machine in place of Docker Hub: `registry/serve.ts`.
  imageName: `${process.env['EXAMPLE_REGISTRY'] ?? 'localhost:5000'}/nixos/nix`,
  imageDigest: 'sha256:4f054cbd7b5087735a2d3453fc37d2b41a877ab4eb8a24a271a474efb1227144',
  hash: 'sha256-fpIgrJYJdDx8pyyWRe8xtk3BBjwM2AUdaM5Fe6MmHBU=',
  arch: 'amd64',
  finalImageName: 'nix',
  finalImageTag: '2.2.1',
}

/**
 * An image of a registry, by its digest. With its hash it can come from anywhere.
 *
 *     npx dockertools stream examples/nixpkgs/nixFromDockerHub.ts | docker load
 *     docker run --rm nix:2.2.1 nix-store --version
 */
export default pullImage(args)
