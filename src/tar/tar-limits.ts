/** What a foreign archive may ask for. A limit that is passed gives `LIMIT_EXCEEDED`, and the message names it. */
export interface TarLimits {
  /** Bytes of one extended header. */
  readonly maxPaxBytes: number
  /** Bytes of all global extended records together: they are part of every member that follows. */
  readonly maxGlobalPaxBytes: number
  /** Bytes of a name or link target. */
  readonly maxNameBytes: number
  /** Extended headers of any kind in front of one member. */
  readonly maxExtendedHeaders: number
  /** Members, extended headers not counted. */
  readonly maxMembers: number
  /** Bytes of one member's body. */
  readonly maxMemberBytes: number
  /** Bytes behind the end marker, padding included. */
  readonly maxTrailingBytes: number
}

/** How an archive is read. */
export interface TarReadOptions extends Partial<TarLimits> {
  /** Whether an archive that ends without two zero blocks is cut short (the default), or complete. */
  readonly endMarker?: 'required' | 'optional'
  /**
   * What to do with bytes other than zero behind the end marker: read over them,
   * so that whoever hashes the source sees them (the default), or refuse them.
   * They are never taken for members.
   */
  readonly trailing?: 'drain' | 'refuse'
}

/** Every option with its default filled in. */
export type ResolvedReadOptions = Required<TarReadOptions>

const MIB = 1024 * 1024

const DEFAULTS: ResolvedReadOptions = {
  maxPaxBytes: MIB,
  maxGlobalPaxBytes: 16 * 1024,
  maxNameBytes: 64 * 1024,
  maxExtendedHeaders: 16,
  maxMembers: 10_000_000,
  maxMemberBytes: 1024 * 1024 * MIB,
  maxTrailingBytes: 64 * MIB,
  endMarker: 'required',
  trailing: 'drain',
}

/** The options with the defaults for those that are not given. */
export function resolveReadOptions(options: TarReadOptions | undefined): ResolvedReadOptions {
  return { ...DEFAULTS, ...options }
}
