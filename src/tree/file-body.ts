import type { ByteString, Spool } from '#util'

/** Where the content of a file is. */
export type FileBody =
  /** On disk, last changed at this time, in milliseconds since 1970. */
  | { readonly kind: 'disk'; readonly path: ByteString; readonly ctimeMs: number }
  /** In a spool or whatever else can be read from anywhere, from this offset on. */
  | { readonly kind: 'spool'; readonly spool: Pick<Spool, 'readNow'>; readonly offset: number }
