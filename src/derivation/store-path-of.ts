import { parseStorePath } from '#store'
import { DockerToolsError } from '#errors'
import { type Built, makeBuilt } from './built.ts'
import { argumentOf, isText, namedArguments } from './named-arguments.ts'
import type { RealiseSession } from './realisable.ts'
import { storePathName, type StorePath } from '#store'

/**
 * Something that a store has already, as what builders take.
 *
 * @param path `/nix/store/HASH-NAME`, without anything below it.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is used,
 *   `STORE_PATH_INVALID`, and `STORE_PATH_MISSING` if no store has it.
 * @see nix `builtins.storePath`
 *
 * @example A path of a binary cache
 * ```ts
 * import { pathToFileURL } from 'node:url'
 * import { storePath, streamLayeredImage } from 'dockertools'
 *
 * const hello = storePath('/nix/store/1rxj0f9d4h34pihxzxqrd5hn8yfhfb5f-hello-1.0')
 * const image = streamLayeredImage({ name: 'hello', tag: '1', contents: hello, config: { Cmd: [`${hello}/bin/hello`] } })
 * console.log(await image.layers({ stores: [pathToFileURL('examples/cache').href], checkSignatures: false }))
 * ```
 */
export function storePath(path: string): Built
export function storePath(args: { readonly path: string }): Built
export function storePath(...given: readonly unknown[]): Built {
  const text = argumentOf('storePath', namedArguments('storePath', given, ['path']), 'path', isText, 'a text')
  const find = async (session: RealiseSession): Promise<StorePath> => {
    const path = parseStorePath(text, session.store.dir)
    if (await session.store.has(path)) return path
    throw new DockerToolsError('STORE_PATH_MISSING', `Cannot use "${path}": no store has it`, {
      hint: `The stores asked are: ${session.store.uri}`,
    })
  }
  const base = text.slice(text.lastIndexOf('/') + 1)
  return makeBuilt(
    base.slice(33) === '' ? base : storePathName(base as StorePath),
    {},
    { name: text, outPath: find, realise: find },
  )
}
