import { buildLayeredImageWithNixDb, writeScriptBin, writeText } from 'dockertools'
import { bash, coreutils } from './packages/packages.ts'

const data = writeText('some-data', 'some data\n')

/**
 * The text is there because the script names it.
 *
 *     npx dockertools stream examples/nixpkgs/filesInStore.ts | docker load
 *     docker run --rm file-in-store
 */
export default buildLayeredImageWithNixDb({
  name: 'file-in-store',
  tag: 'latest',
  contents: [bash, coreutils, writeScriptBin('myscript', `#!${bash}/bin/bash\n${coreutils}/bin/cat ${data}\n`)],
  // Nix's commands ask who they work for.
  config: { Cmd: ['/bin/myscript'], Env: ['USER=root'] },
})
