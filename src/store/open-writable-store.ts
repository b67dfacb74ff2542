import { DockerToolsError } from '#errors'
import { localRoot } from './local-layout.ts'
import { LocalStore } from './local-store.ts'
import { storeDirOf } from './open-store.ts'
import type { StoreOptions } from './store-options.ts'
import { UnwritableStore } from './unwritable-store.ts'
import type { WritableStore } from './writable-store.ts'

/**
 * Opens a store that things can be added to. Nothing is made before something is written.
 *
 * @param uri `local`, `local:ROOT`, or `auto`, which is `local` here.
 * @throws {DockerToolsError} `USAGE` for a store that can only be read, and for another text.
 */
export function openWritableStore(uri: string, options: StoreOptions = {}): WritableStore {
  const environment = options.environment ?? process.env
  const dir = storeDirOf(options)
  if (uri === 'auto') return new LocalStore(localRoot('local', environment), dir, options)
  if (uri === 'local' || uri.startsWith('local:')) return new LocalStore(localRoot(uri, environment), dir, options)
  throw new DockerToolsError(
    'USAGE',
    `Cannot write to store ${JSON.stringify(uri.slice(0, 300))}: it can only be read, it should be "local" or "local:ROOT"`,
  )
}

/**
 * The store that results go to: the first of `uris` that can be written. Where
 * there is none, one that refuses to be written with `STORE_UNAVAILABLE`.
 */
export function openFirstWritableStore(uris: readonly string[], options: StoreOptions = {}): WritableStore {
  const uri = uris.find((item) => item === 'auto' || item === 'local' || item.startsWith('local:'))
  return uri === undefined ? new UnwritableStore(storeDirOf(options), uris) : openWritableStore(uri, options)
}
