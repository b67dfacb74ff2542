import { buildLayeredImage } from 'dockertools'
import { bash } from './packages/packages.ts'

/**
 * The tag changes when the image does, and only then.
 *
 *     npx dockertools stream examples/nixpkgs/bashNoTagLayered.ts | docker load
 *     docker images bash-no-tag-layered
 */
export default buildLayeredImage({ name: 'bash-no-tag-layered', contents: bash })
