import { lstatSync, mkdtempSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import { formatHash, hashBytes } from './hash.ts'
import type { LocalLayout } from './local-layout.ts'
import { storeError } from './store-error.ts'
import type { StorePath } from './store-path.ts'

/**
 * Makes `link` point to a store path, and tells the store of the link, as Nix
 * does for `result`: a symlink in `auto` that is named for the link's path.
 *
 * @param link An absolute path: missing, or a symlink into a store.
 */
export function addGcRoot(layout: LocalLayout, storeDir: string, link: string, path: StorePath): void {
  refuseForeign(link, [storeDir, layout.storeDir])
  try {
    placeLink(link, path)
    if (link.startsWith(`${layout.gcRoots}/`)) return
    const name = formatHash(hashBytes('sha1', link), 'nix32')
    placeLink(join(layout.gcRoots, 'auto', name), link)
  } catch (error) {
    throw storeError(`make the root "${link}"`, error)
  }
}

function refuseForeign(link: string, storeDirs: readonly string[]): void {
  try {
    const target = lstatSync(link).isSymbolicLink() ? readlinkSync(link) : undefined
    if (target !== undefined && storeDirs.some((dir) => target.startsWith(`${dir}/`))) return
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return
    throw storeError(`make the root "${link}"`, error)
  }
  throw new DockerToolsError(
    'WRITE_FAILED',
    `Cannot make the root "${link}": something is there that is no symlink to a store path, nothing else should be`,
  )
}

/** In one step: whoever looks sees the old link or the new one. */
function placeLink(link: string, target: string): void {
  const temp = mkdtempSync(join(dirname(link), '.dockertools-'))
  try {
    symlinkSync(target, join(temp, 'link'))
    renameSync(join(temp, 'link'), link)
  } finally {
    rmSync(temp, { recursive: true, force: true })
  }
}
