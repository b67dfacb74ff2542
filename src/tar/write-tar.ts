import { DockerToolsError } from '#errors'
import { byteStringToText } from '#util'
import { encodeHeader } from './encode-header.ts'
import { endOfArchive, paddingLength } from './tar-format.ts'
import type { TarDialect, TarEntry } from './tar-header.ts'

/**
 * Writes an archive: each entry's headers and body as they are asked for, then
 * the end marker. Holds one chunk at a time.
 *
 * @throws {DockerToolsError} `FILE_CHANGED` if a body has more or fewer bytes
 *   than its `size`: before a byte too many is passed on, and before the padding
 *   where it has too few. Otherwise as `encodeHeader`.
 */
export async function* writeTar(
  entries: AsyncIterable<TarEntry> | Iterable<TarEntry>,
  dialect: TarDialect,
): AsyncGenerator<Uint8Array> {
  let written = 0
  for await (const entry of entries) {
    const header = encodeHeader(entry, dialect)
    written += header.length
    yield header
    if (entry.type !== 'file') continue
    yield* exactBody(entry)
    const padding = paddingLength(entry.size)
    if (padding > 0) yield new Uint8Array(padding)
    written += entry.size + padding
  }
  yield endOfArchive(written)
}

async function* exactBody(entry: TarEntry & { readonly type: 'file' }): AsyncGenerator<Uint8Array> {
  let seen = 0
  for await (const chunk of entry.open()) {
    seen += chunk.length
    if (seen > entry.size) throw wrongSize(entry, `at least ${seen}`)
    yield chunk
  }
  if (seen < entry.size) throw wrongSize(entry, String(seen))
}

function wrongSize(entry: TarEntry & { readonly type: 'file' }, seen: string): DockerToolsError {
  const name = byteStringToText(entry.path)
  return new DockerToolsError(
    'FILE_CHANGED',
    `Cannot write the tar member "${name}": its content has ${seen} bytes, it should have ${entry.size}`,
    { hint: 'Let nothing write to the file while it is read' },
  )
}
