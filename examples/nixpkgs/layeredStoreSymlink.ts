import { buildLayeredImage, runCommand, writeTextDir } from 'dockertools'
import { bash, coreutils } from './packages/packages.ts'

const target = writeTextDir('dir/target', 'Content does not matter.\n')

/** What the image's content is: not a folder, but a link to one. */
const link = runCommand('symlink', {}, `ln -s ${target} $out`)

/**
 * Both the link and the folder are in the store of the image.
 *
 *     npx dockertools stream examples/nixpkgs/layeredStoreSymlink.ts | docker load
 *     docker run --rm layeredstoresymlink
 */
export default buildLayeredImage({
  name: 'layeredstoresymlink',
  tag: 'latest',
  contents: [bash, coreutils, link],
  config: { Cmd: ['/bin/readlink', link] },
})
