import type { ByteString } from '#util'
import type { TarFormat } from './decode-block.ts'
import type { TarHeader } from './tar-header.ts'

/** A member of an archive that was read, and where it is. */
export interface IndexedTarMember {
  /**
   * With long names and extended records applied. `path` is exactly what is
   * stored, a slash at its end and `..` included: nothing is said about safety.
   */
  readonly header: TarHeader
  /** As stored: `\0` and `7` are files too. */
  readonly typeflag: string
  readonly format: TarFormat
  /** The mode as stored: some programs put the file type in it too. `header.mode` has the permission bits only. */
  readonly storedMode: number
  /** The extended records in force, global ones first. */
  readonly paxRecords: ReadonlyMap<string, ByteString>
  /** Where its headers begin, its own extended ones included, in bytes from the start of the archive. */
  readonly headerOffset: number
  /** Where its body begins or would. */
  readonly bodyOffset: number
}

/** A member whose body can be read while it is the current one. */
export interface TarMember extends IndexedTarMember {
  /**
   * The body; empty for what is no file. To be read once, before the next member
   * is asked for; what is not read is skipped.
   */
  body(): AsyncIterable<Uint8Array>
}
