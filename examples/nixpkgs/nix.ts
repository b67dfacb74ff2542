import { buildEnv, buildImageWithNixDb } from 'dockertools'
import { bash, coreutils, nix } from './packages/packages.ts'

/**
 * The store of the image has Nix's database, so that Nix's commands work in it. `nix` stands in for Nix here.
 *
 *     npx dockertools stream examples/nixpkgs/nix.ts | docker load
 *     docker run --rm nix cat /nix/var/nix/db/db.sqlite > result-db.sqlite
 *     sqlite3 result-db.sqlite 'SELECT path FROM ValidPaths'
 */
export default buildImageWithNixDb({
  name: 'nix',
  tag: 'latest',
  copyToRoot: buildEnv({ name: 'image-root', paths: [coreutils, bash, nix] }),
  config: { Env: ['NIX_PAGER=cat', 'USER=nobody'] },
})
