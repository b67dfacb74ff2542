import { type StreamRecipe, streamLayeredImage } from 'dockertools'
import { bash, coreutils } from '../../../examples/nixpkgs/packages/packages.ts'
import { chown } from './programs.ts'

/** An owner that no user database knows. */
const image: StreamRecipe = streamLayeredImage({
  name: 'chown-test',
  tag: 'latest',
  contents: [bash, coreutils, chown],
  enableFakechroot: true,
  fakeRootCommands: `
    echo text > /testfile
    chown 12345:12345 /testfile
  `,
})

export default image
