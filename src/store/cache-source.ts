/** Where the files of a binary cache come from. */
export interface CacheSource {
  /** Without user name or password. */
  readonly uri: string

  /**
   * A small file as a whole, or undefined if the cache does not have it.
   *
   * @throws {DockerToolsError} `LIMIT_EXCEEDED` if it is larger than `maxBytes`.
   */
  read(name: string, maxBytes: number): Promise<Uint8Array | undefined>

  /** A file of any size, in pieces; undefined if the cache does not have it. */
  open(name: string): Promise<AsyncIterable<Uint8Array> | undefined>
}
