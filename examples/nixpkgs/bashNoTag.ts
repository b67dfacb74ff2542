import { buildImage } from 'dockertools'
import { bash } from './packages/packages.ts'

/**
 * The tag changes when the image does, and only then.
 *
 *     npx dockertools stream examples/nixpkgs/bashNoTag.ts | docker load
 *     docker images bash-no-tag
 */
export default buildImage({ name: 'bash-no-tag', copyToRoot: bash })
