import { decompress } from '#compress'
import { DockerToolsError } from '#errors'
import type { TreeEntry } from '#tree'
import { addressedFile } from './addressed-file.ts'
import type { CacheSource } from './cache-source.ts'
import type { ContentAddress } from './content-address.ts'
import type { NarInfo } from './narinfo.ts'
import { readNar } from './read-nar.ts'
import { VerifiedStream } from './verified-stream.ts'

type Decompressible = 'gz' | 'zstd' | 'xz' | 'none'

/** Names in a narinfo, and ours. */
const COMPRESSIONS: ReadonlyMap<string, Decompressible> = new Map([
  ['xz', 'xz'],
  ['zstd', 'zstd'],
  ['gzip', 'gz'],
  ['none', 'none'],
])

/** Plain names in plain folders; a query, as some servers use, has to be harmless too. */
const URL_PATTERN = /^[0-9A-Za-z+._=~-]+(?:\/[0-9A-Za-z+._=~-]+)*(?:\?[0-9A-Za-z+._=~&-]*)?$/

/**
 * The content of a path in a binary cache, verified at both ends: the file as
 * it was fetched, and the NAR that comes out of it. Nothing is spooled.
 *
 * @param address What the content has to be besides, if the path's own name
 *   is what vouches for it.
 * @throws {IntegrityError} `DIGEST_MISMATCH`, `SIZE_MISMATCH`: before the
 *   iteration ends, or in place of a format error that came of it.
 */
export async function* cacheEntries(
  source: CacheSource,
  info: NarInfo,
  address: ContentAddress | undefined,
): AsyncGenerator<TreeEntry> {
  const kind = resolveCompression(info, source.uri)
  const stream = await source.open(checkUrl(info, source.uri))
  if (stream === undefined) {
    throw new DockerToolsError(
      'STORE_PATH_MISSING',
      `Cannot read "${info.path}": "${source.uri}" says it is in "${info.url}", but there is no such file`,
    )
  }
  const file = new VerifiedStream(stream, {
    what: `"${source.uri}/${info.url}"`,
    hashes: info.fileHash === undefined ? [] : [info.fileHash],
    ...(info.fileSize === undefined ? {} : { size: info.fileSize }),
  })
  const nar = new VerifiedStream(kind === 'none' ? file : decompress(kind, file), {
    what: `the NAR of "${info.path}" from "${source.uri}"`,
    size: info.narSize,
    hashes: [info.narHash, ...(address?.subject === 'nar' ? [address.hash] : [])],
  })
  try {
    const entries = readNar(nar)
    yield* address?.subject === 'file' ? addressedFile(entries, address.hash, info.path) : entries
    await nar.finish()
    await file.finish()
  } catch (error) {
    throw await nar.explain(await file.explain(error))
  } finally {
    await nar.close()
    await file.close()
  }
}

function resolveCompression(info: NarInfo, uri: string): Decompressible {
  const kind = COMPRESSIONS.get(info.compression)
  if (kind !== undefined) return kind
  throw new DockerToolsError(
    'FORMAT_UNSUPPORTED',
    `Cannot read "${info.path}" from "${uri}": it is compressed with ${JSON.stringify(info.compression)}, ` +
      'it should be xz, zstd, gzip or none',
  )
}

function checkUrl(info: NarInfo, uri: string): string {
  const path = info.url.split('?')[0]!
  if (URL_PATTERN.test(info.url) && !path.split('/').some((step) => step === '.' || step === '..')) return info.url
  throw new DockerToolsError(
    'PATH_UNSAFE',
    `Cannot read "${info.path}": "${uri}" says it is in ${JSON.stringify(info.url.slice(0, 300))}, ` +
      'it should be in a file of the cache',
  )
}
