import type { SeekableSource } from '#tar'

/** A file inside an archive or a folder, that can be read from anywhere. */
export interface StoredFile extends SeekableSource {
  /** Bytes. */
  readonly size: number
  /** All of it, from the start. */
  stream(): AsyncGenerator<Uint8Array>
  /** Fills `target` at once, for many small reads inside the file; gives how many bytes there were. */
  readNow(target: Uint8Array, offset: number): number
}

/** The files that an image on disk is made of, by name, whatever holds them. */
export interface ImageFiles extends AsyncDisposable {
  has(name: string): Promise<boolean>
  /**
   * @throws {DockerToolsError} `FORMAT_INVALID` where there is no such file, `PATH_UNSAFE` for a
   *   name that is absolute or has `..` in it, or that a link leads out of.
   */
  file(name: string): Promise<StoredFile>
}
