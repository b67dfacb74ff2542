import type { ByteString } from '#util'

/** A file that is put on a disk, without its content. */
export type DiskEntry = {
  /** Relative to the root, components joined by `/`; empty for the root itself. */
  readonly path: ByteString
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
} & (
  | { readonly type: 'directory' | 'fifo' | 'socket' }
  | { readonly type: 'symlink'; readonly target: ByteString }
  | { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number }
  | { readonly type: 'file'; readonly size: number }
)

/** What else is known of a file on a disk when its content comes. */
export interface DiskBody {
  readonly path: ByteString
  /** Seconds since 1970; a fraction is left out. */
  readonly mtimeSeconds: number
  /** The content of a file; not read of anything else. */
  readonly body: () => AsyncIterable<Uint8Array>
}

/** A file with the number of its inode. */
export interface DiskNode {
  readonly entry: DiskEntry
  readonly inode: number
  /** What is in a directory, by name. */
  readonly children: Map<ByteString, DiskNode> | undefined
  /** The directory it is in; the root is in itself. */
  readonly parent: DiskNode | undefined
}
