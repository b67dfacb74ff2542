import { streamLayeredImage, symlinkJoin, writeTextDir } from 'dockertools'
import { bash, coreutils } from './packages/packages.ts'

/** What is to be in `/etc`; the original takes it from a NixOS configuration. */
const files = [writeTextDir('etc/hosts', '127.0.0.1 localhost\n'), writeTextDir('etc/hostname', 'example\n')]
const etcFiles = symlinkJoin({ name: 'etc-files', paths: files })

/**
 * Files in `/etc` that are no links to the store, so that an engine may replace them.
 *
 *     npx dockertools stream examples/nixpkgs/etc.ts | docker load
 *     docker run --rm etc
 */
export default streamLayeredImage({
  name: 'etc',
  tag: 'latest',
  contents: [bash, coreutils],
  enableFakechroot: true,
  fakeRootCommands: `
    mkdir -p /etc
    cp -L ${etcFiles}/etc/* /etc/
  `,
  config: { Cmd: ['/bin/cat', '/etc/hosts'] },
})
