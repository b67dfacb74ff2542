import { buildImage, type ImageRecipe } from 'dockertools'
import bashImage from './bash.ts'

function appendTo(fromImage: ImageRecipe, letter: string): ImageRecipe {
  return buildImage({
    name: `layers-unpack-order-${letter}`,
    tag: 'latest',
    fromImage,
    runAsRoot: `echo -n ${letter} >> /layer-order`,
  })
}

/**
 * Each of three scripts appends to the file that the one before has left: "abc".
 *
 *     npx dockertools stream examples/nixpkgs/layersUnpackOrder.ts | docker load
 *     docker run --rm layers-unpack-order-c bash -c 'echo $(</layer-order)'
 */
export default appendTo(appendTo(appendTo(bashImage, 'a'), 'b'), 'c')
