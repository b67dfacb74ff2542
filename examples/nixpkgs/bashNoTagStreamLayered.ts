import { streamLayeredImage } from 'dockertools'
import { bash } from './packages/packages.ts'

/**
 * The tag changes when the image does, and only then.
 *
 *     npx dockertools stream examples/nixpkgs/bashNoTagStreamLayered.ts | docker load
 *     docker images bash-no-tag-stream-layered
 */
export default streamLayeredImage({ name: 'bash-no-tag-stream-layered', contents: bash })
