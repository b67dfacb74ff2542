import { compressGzip } from './compress-gzip.ts'
import type { CompressOptions } from './compress-options.ts'
import { compressZstd } from './compress-zstd.ts'

/** The compressors dockerTools knows. */
export type CompressorName = 'none' | 'gz' | 'zstd'

/** One way to compress a stream. */
export interface Compressor {
  readonly name: CompressorName
  /** What file names end with. */
  readonly extension: '' | '.gz' | '.zst'
  /**
   * Compresses `plain`. Memory does not grow with the stream; the source is not
   * read faster than the result is taken. Threads end with the generator.
   * The chunks that come out are the reader's to keep, unless `borrow` says otherwise; those that go in may be
   * used again as soon as the next one is asked for.
   */
  compress(plain: AsyncIterable<Uint8Array>, options?: CompressOptions): AsyncGenerator<Uint8Array>
}

const COMPRESSORS: Readonly<Record<CompressorName, Compressor>> = {
  none: { name: 'none', extension: '', compress: passThrough },
  gz: { name: 'gz', extension: '.gz', compress: (plain, options) => compressGzip(plain, options) },
  zstd: { name: 'zstd', extension: '.zst', compress: (plain, options) => compressZstd(plain, options) },
}

/** The compressor of that name. */
export function getCompressor(name: CompressorName): Compressor {
  return COMPRESSORS[name]
}

async function* passThrough(plain: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* plain
}
