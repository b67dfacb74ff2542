import { deflateWithZlib, loadPako } from './deflate-block.ts'
import { compressZstdFrame } from './zstd-frame.ts'

/** How a block is compressed: deflate by one of two implementations of the same bytes, or zstd. */
export type Codec = 'zlib' | 'pako' | 'zstd'

export interface BlockJob {
  readonly input: Uint8Array
  /** The bytes before `input`, as many as the codec can refer to. */
  readonly dictionary: Uint8Array
  /** Whether the stream ends here. */
  readonly isLast: boolean
}

/** Compresses one block. Depends on the job alone. */
export type PackBlock = (job: BlockJob) => Uint8Array

/** The function for `codec`, ready to use on this thread. */
export async function loadPackBlock(codec: Codec): Promise<PackBlock> {
  if (codec === 'pako') return await loadPako()
  return codec === 'zstd' ? compressZstdFrame : deflateWithZlib
}
