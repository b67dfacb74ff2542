import { pullImage } from 'dockertools'
import { args } from './nixFromDockerHub.ts'

/**
 * The same image under another name in the store: it is pulled, whatever the store has already.
 *
 *     npx dockertools stream examples/nixpkgs/testNixFromDockerHub.ts | docker load
 *     docker images nix
 */
export default pullImage({ ...args, name: 'test-nix-from-docker-hub.tar' })
