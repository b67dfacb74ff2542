import type { PackBlock } from './block-job.ts'
import { deflateWithZlib, loadPako } from './deflate-block.ts'
import { compressZstdFrame } from './zstd-frame.ts'

/** How a block is compressed: deflate by one of two implementations of the same bytes, or zstd. */
export type Codec = 'zlib' | 'pako' | 'zstd'

/** The function for `codec`, ready to use on this thread. */
export async function loadPackBlock(codec: Codec): Promise<PackBlock> {
  if (codec === 'pako') return await loadPako()
  return codec === 'zstd' ? compressZstdFrame : deflateWithZlib
}
