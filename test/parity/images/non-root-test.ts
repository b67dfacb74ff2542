import { fakeNss, type StreamRecipe, streamLayeredImage } from 'dockertools'
import { bash, coreutils } from '../../../examples/nixpkgs/packages/packages.ts'

/** Store paths that belong to somebody else than root. */
const image: StreamRecipe = streamLayeredImage({
  name: 'non-root-test',
  tag: 'latest',
  uid: 1000,
  gid: 1000,
  uname: 'user',
  gname: 'user',
  contents: [
    bash,
    coreutils,
    fakeNss({ extraPasswdLines: ['user:x:1000:1000::/:/bin/bash'], extraGroupLines: ['user:x:1000:'] }),
  ],
  config: { User: 'user', Env: ['PATH=/bin'] },
})

export default image
