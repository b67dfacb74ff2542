import { pullImage, type PullImageArgs } from 'dockertools'

/** The arguments of this image and of `testNixFromDockerHub`. */
export const args: PullImageArgs = {
  // A registry on this machine in place of Docker Hub: `registry/serve.ts`.
  imageName: `${process.env['EXAMPLE_REGISTRY'] ?? 'localhost:5000'}/nixos/nix`,
  imageDigest: 'sha256:2ba13eae6ba80d6a745198e9807f805732251ff808f0da9f37b8f9e471830513',
  hash: 'sha256-9UJ+oTfY646lW5G9gJfZ+0cz5e12pLcO1Qwish9NX7Q=',
  arch: 'amd64',
  finalImageName: 'nix',
  finalImageTag: '2.2.1',
}

/**
 * An image of a registry, by its digest. With its hash it can come from anywhere.
 *
 *     npx dockertools stream examples/nixpkgs/nixFromDockerHub.ts | docker load
 *     docker images nix
 */
export default pullImage(args)
