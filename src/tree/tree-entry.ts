import type { ByteString } from '#util'

/** What makes one kind of file differ from another, bodies aside. */
export type TreeKind =
  | { readonly type: 'directory' | 'fifo' | 'socket' }
  | { readonly type: 'symlink'; readonly target: ByteString }
  | { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number }

/** One file of a tree, whether it is on disk, in a NAR or joined from others. */
export type TreeEntry = {
  /** Relative to the root, components joined by `/`; empty for the root itself. */
  readonly path: ByteString
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number
} & (
  | TreeKind
  | {
      readonly type: 'file'
      /** Bytes. */
      readonly size: number
      /** The content, from its start each time; `size` bytes. */
      open(): AsyncIterable<Uint8Array>
    }
)
