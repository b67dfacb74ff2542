/** What the first bytes of a stream say about it. `bzip2` is known only to be refused by name. */
export type Compression = 'none' | 'gz' | 'zstd' | 'xz' | 'bzip2'

/** As many bytes as `detectCompression` can make use of. */
export const DETECTION_BYTES = 10

const XZ_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd]
const ZSTD_SKIPPABLE_MAGIC_TAIL = [0x2a, 0x4d, 0x18]
/** The third byte is the method: 8, deflate, is the only one there is. */
const GZIP_MAGIC = [0x1f, 0x8b, 0x08]
const BZIP2_MAGIC = [0x42, 0x5a, 0x68]
/** π and √π in decimal: the start of a block, and of the end of a stream without blocks. */
const BZIP2_BLOCK_MAGICS = [
  [0x31, 0x41, 0x59, 0x26, 0x53, 0x59],
  [0x17, 0x72, 0x45, 0x38, 0x50, 0x90],
]

/**
 * Tells the compression of a stream from its magic bytes. File names and media
 * types are not asked, because they are wrong often enough.
 *
 * @param firstBytes The first `DETECTION_BYTES` bytes, or all of a shorter stream.
 * @returns `none` for whatever is not known.
 */
export function detectCompression(firstBytes: Uint8Array): Compression {
  if (hasBytes(firstBytes, 0, GZIP_MAGIC)) return 'gz'
  if (hasBytes(firstBytes, 0, ZSTD_MAGIC) || isZstdSkippable(firstBytes)) return 'zstd'
  if (hasBytes(firstBytes, 0, XZ_MAGIC)) return 'xz'
  if (hasBytes(firstBytes, 0, BZIP2_MAGIC) && BZIP2_BLOCK_MAGICS.some((magic) => hasBytes(firstBytes, 4, magic))) {
    return 'bzip2'
  }
  return 'none'
}

function isZstdSkippable(bytes: Uint8Array): boolean {
  return ((bytes[0] ?? 0) & 0xf0) === 0x50 && hasBytes(bytes, 1, ZSTD_SKIPPABLE_MAGIC_TAIL)
}

function hasBytes(bytes: Uint8Array, offset: number, expected: readonly number[]): boolean {
  return expected.every((byte, index) => bytes[offset + index] === byte)
}
