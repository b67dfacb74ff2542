import { pullImage } from 'dockertools'
import { args } from './nixFromDockerHub.ts'

/**
 * The same image under another name in the store: it is pulled, whatever the store has already.
 *
 *     npx dockertools stream examples/nixpkgs/testNixFromDockerHub.ts | docker load
 *     docker run --rm nix:2.2.1 nix-store --version
 */
export default pullImage({ ...args, name: 'test-nix-from-docker-hub.tar' })
