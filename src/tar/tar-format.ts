/** Tar is a sequence of blocks of this many bytes. */
export const TAR_BLOCK_BYTES = 512

/** Python's tarfile and GNU tar fill the last record (20 blocks) with zeros; digests equal theirs only if we do too. */
export const TAR_RECORD_BYTES: number = 20 * TAR_BLOCK_BYTES

/** How many zero bytes follow a body of `size` bytes: 0 to 511. */
export function paddingLength(size: number): number {
  const rest = size % TAR_BLOCK_BYTES
  return rest === 0 ? 0 : TAR_BLOCK_BYTES - rest
}

/**
 * What comes after the last member: two zero blocks, then zeros up to the end
 * of the record.
 *
 * @param archiveBytes Length of everything before, a multiple of 512.
 */
export function endOfArchive(archiveBytes: number): Uint8Array {
  const marked = archiveBytes + 2 * TAR_BLOCK_BYTES
  return new Uint8Array(Math.ceil(marked / TAR_RECORD_BYTES) * TAR_RECORD_BYTES - archiveBytes)
}
