import { report } from '#events'
import { compressBlocks } from './compress-blocks.ts'
import type { CompressOptions } from './compress-options.ts'
import { zstdIsTheUsualOne } from './known-answer.ts'

/** Output depends on it. Smaller frames cost size (1 MiB: 6 %), larger ones memory and waiting at the end. */
const ZSTD_FRAME_BYTES = 4 * 1024 * 1024

/**
 * Compresses to independent zstd frames, each of 4 MiB of plain bytes, with its
 * content size and checksum. Every reader takes frames in a row for one stream.
 *
 * The library's own threads (`ZSTD_c_nbWorkers`) are not used: node:zlib loses
 * data with them on streams, without an error.
 *
 * @param isUsual For tests; the default asks the zstd at hand.
 */
export async function* compressZstd(
  plain: AsyncIterable<Uint8Array>,
  { workers, threads, borrow = false }: CompressOptions = {},
  isUsual: boolean = zstdIsTheUsualOne(),
): AsyncGenerator<Uint8Array> {
  if (!isUsual) {
    report({
      type: 'warning',
      code: 'ZSTD_DIFFERS',
      message:
        "This Node's zstd gives other bytes than the usual one; the content of the result is the same, its digest not",
    })
  }
  yield* compressBlocks(plain, {
    codec: 'zstd',
    blockBytes: ZSTD_FRAME_BYTES,
    dictionaryBytes: 0,
    workers,
    threads,
    borrow,
  })
}
