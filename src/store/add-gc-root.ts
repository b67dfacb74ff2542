import { accessSync, constants, lstatSync, mkdtempSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import { formatHash, hashBytes } from './hash.ts'
import type { LocalLayout } from './local-layout.ts'
import { storeError } from './store-error.ts'
import { isStorePath } from './store-path.ts'

/**
 * Makes `link` point to a store path, and tells the store of the link, as Nix
 * does for `result`: a symlink in `auto` that is named for the link's path.
 *
 * @param link An absolute path: missing, or a symlink into a store.
 * @param target The store path, by its logical or its physical name.
 */
export function addGcRoot(layout: LocalLayout, link: string, target: string): void {
  refuseForeign(link)
  try {
    placeLink(link, target)
    if (link.startsWith(`${layout.gcRoots}/`)) return
    const name = formatHash(hashBytes('sha1', link), 'nix32')
    placeLink(join(layout.gcRoots, 'auto', name), link)
  } catch (error) {
    throw storeError(`make the root "${link}"`, error)
  }
}

/**
 * Looks whether `link` may become a root, before the work whose result it is to keep.
 *
 * @throws {DockerToolsError} `WRITE_FAILED` if something is there that is no
 *   symlink into any store, or its folder may not be written.
 */
export function checkRootLink(link: string): void {
  refuseForeign(link)
  try {
    accessSync(dirname(link), constants.W_OK)
  } catch (error) {
    throw storeError(`make the root "${link}"`, error)
  }
}

function refuseForeign(link: string): void {
  try {
    const target = lstatSync(link).isSymbolicLink() ? resolve(dirname(link), readlinkSync(link)) : undefined
    if (target !== undefined && isStorePath(target, dirname(target))) return
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
export function placeLink(link: string, target: string): void {
  const temp = mkdtempSync(join(dirname(link), '.dockertools-'))
  try {
    symlinkSync(target, join(temp, 'link'))
    renameSync(join(temp, 'link'), link)
  } finally {
    rmSync(temp, { recursive: true, force: true })
  }
}
