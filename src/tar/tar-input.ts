/** Where an archive is read from, front to back. */
export interface TarInput {
  /** Where the next byte is read, counted from the start of the archive. */
  readonly offset: number
  /** The next `length` bytes, or fewer at the end. Valid until the next call. */
  read(length: number): Promise<Uint8Array>
  /** The next bytes, at least one and at most `length`; none at the end. */
  readSome(length: number): Promise<Uint8Array>
  /** Passes over `length` bytes; false if the input ends before that. */
  skip(length: number): Promise<boolean>
}
