/**
 * Tar archives, written as Python's `tarfile` and GNU tar write them to the
 * byte, and read whoever wrote them. Names are bytes, and given as they are
 * stored: whether one may be unpacked is for the caller to say. Knows nothing
 * of images, and never touches the disk.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
 * @see https://www.gnu.org/software/tar/manual/html_node/Standard.html
 */
export type { TarFormat } from './decode-block.ts'
export { encodeHeader, encodeHeaderInto } from './encode-header.ts'
export { readTarIndex } from './read-tar-index.ts'
export { readTar } from './read-tar.ts'
export type { SeekableSource } from './seekable-input.ts'
export { endOfArchive, paddingLength, TAR_BLOCK_BYTES, TAR_RECORD_BYTES } from './tar-format.ts'
export type { MemberKind, MemberMeta, TarDialect, TarEntry, TarHeader } from './tar-header.ts'
export type { TarLimits, TarReadOptions } from './tar-limits.ts'
export type { IndexedTarMember, TarMember } from './tar-member.ts'
export { writeTar } from './write-tar.ts'
