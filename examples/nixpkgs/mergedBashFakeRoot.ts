import { mergeImages } from 'dockertools'
import bashImage from './bash.ts'
import layeredImageWithFakeRootCommands from './layeredImageWithFakeRootCommands.ts'

/**
 * Layers are copied as they are.
 *
 *     npx dockertools stream examples/nixpkgs/mergedBashFakeRoot.ts | docker load
 *     docker run --rm layered-image-with-fake-root-commands /hello/bin/hello
 */
export default mergeImages([bashImage, layeredImageWithFakeRootCommands])
