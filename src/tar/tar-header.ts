import type { ByteString } from '#util'

/**
 * Whose bytes are written. Each is exact, oddities included:
 *
 * - `pax`: Python's `tarfile` (3.8 and later) in its default format.
 * - `gnu`: GNU tar 1.34 and 1.35 in their default format.
 * - `gnu-numeric`: GNU tar with `--numeric-owner`. Owner names are not written,
 *   neither in members nor in the headers of long names, which carry `root`
 *   otherwise, whoever the owner of the member is.
 */
export type TarDialect = 'pax' | 'gnu' | 'gnu-numeric'

/** What every member has. */
export interface MemberMeta {
  /** The name; a directory's has no slash at its end, the writer adds it (`.` becomes `./`). */
  readonly path: ByteString
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly uname: ByteString
  readonly gname: ByteString
  /** Seconds since 1970. Whole, except in `pax`. */
  readonly mtimeSeconds: number
  /**
   * Extended records taken over from another archive, in order. They have
   * priority over the fields, as in Python's `tarfile`. `pax` only.
   */
  readonly paxRecords?: ReadonlyMap<string, ByteString>
}

/** What makes one kind of member differ from another, bodies aside. */
export type MemberKind =
  | { readonly type: 'file'; readonly size: number }
  | { readonly type: 'directory' | 'fifo' }
  | { readonly type: 'symlink' | 'hardlink'; readonly target: ByteString }
  | { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number }

/** A member without its body. */
export type TarHeader = MemberMeta & MemberKind

/** A member that can be written. */
export type TarEntry = MemberMeta &
  (
    | {
        readonly type: 'file'
        readonly size: number
        /** The body, from its start each time; `size` bytes. */
        open(): AsyncIterable<Uint8Array>
      }
    | Exclude<MemberKind, { readonly type: 'file' }>
  )
