/**
 * Compressed streams: gz and zstd written and read, xz read.
 *
 * What is written depends on the plain bytes alone: not on cores, chunks, the
 * machine or the Node it runs on. Knows nothing of what the bytes mean, and
 * opens no files.
 *
 * @see RFC 1952 (gzip), RFC 1951 (deflate), RFC 8878 (zstd),
 *   https://tukaani.org/xz/xz-file-format.txt
 */
export type { CompressOptions } from './compress-options.ts'
export { CompressionThreads } from './compression-threads.ts'
export { type Compressor, type CompressorName, getCompressor } from './compressor.ts'
export { type Compression, DETECTION_BYTES, detectCompression } from './detect-compression.ts'
export { decompress } from './decompress.ts'
export { DEFAULT_DECOMPRESS_LIMITS, type DecompressLimits } from './decompress-limits.ts'
