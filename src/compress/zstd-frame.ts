import { constants, zstdCompressSync } from 'node:zlib'
import type { BlockJob } from './block-job.ts'

/** What the zstd program uses by default. */
const ZSTD_LEVEL = 3

/**
 * Compresses one block to a frame of its own. Always the synchronous call: the
 * asynchronous one ends frames with an empty block, so the bytes would differ.
 */
export function compressZstdFrame({ input }: BlockJob): Uint8Array {
  return zstdCompressSync(input, {
    // In one piece, as ZSTD_compressBound says: how output is cut could move block borders.
    chunkSize: input.length + Math.ceil(input.length / 128) + 1024,
    pledgedSrcSize: input.length,
    params: {
      [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL,
      [constants.ZSTD_c_checksumFlag]: 1,
      [constants.ZSTD_c_contentSizeFlag]: 1,
    },
  })
}
