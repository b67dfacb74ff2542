import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { systemErrorCode } from '#errors'
import { recordProgram, type StorePath, storePathName, storePathHash, type WritableStore } from '#store'

/**
 * The program that streams a layered image, as it is in the store. It says
 * nothing of this machine: where the store is, it sees when it runs; which
 * dockertools there is, stands beside the store or is found on the PATH.
 */
export function storedStreamScript(imageName: string, conf: StorePath): string {
  return `#!/bin/sh
# Streams the image "${imageName}" to standard output. -t REPO:TAG names it otherwise.
self=$(readlink -f "$0") || exit
store=\${self%/*}
root=\${store%/nix/store}
if [ -n "$root" ] && [ "$root" != "$store" ]; then
  set -- --store "local:$root" "$@"
fi
set -- stream --conf "$store/${storePathHash(conf)}-${storePathName(conf)}" "$@"
state=$root/nix/var/nix/dockertools
if [ -x "$state/node" ] && [ -e "$state/program" ]; then
  exec "$state/node" "$state/program" "$@"
fi
if command -v dockertools > /dev/null; then
  exec dockertools "$@"
fi
echo 'error (PROGRAM_MISSING): Cannot stream: there is no program "dockertools" on the PATH' >&2
exit 1
`
}

/** Notes for that program where this package's is. */
export function recordOwnProgram(store: WritableStore): void {
  try {
    const own = createRequire(import.meta.url).resolve('dockertools/package.json')
    recordProgram(store, process.execPath, join(dirname(own), 'bin/dockertools.js'))
  } catch (error) {
    // Bundled into another program: then the one on the PATH has to do.
    if (!['MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED'].includes(systemErrorCode(error) ?? '')) throw error
  }
}
