import { DockerToolsError } from '#errors'
import { encodeHeader, endOfArchive, paddingLength, type TarDialect, type TarHeader } from '#tar'
import { type ByteSink, byteStringToText } from '#util'

/**
 * Writes the members of an archive one after the other to a sink.
 *
 * What has been written is whole only once `end()` has resolved: before that
 * there is no end-of-archive marker, and no reader takes it for an archive.
 */
export class ArchiveWriter {
  readonly #sink: ByteSink
  readonly #dialect: TarDialect
  #size = 0

  constructor(sink: ByteSink, dialect: TarDialect) {
    this.#sink = sink
    this.#dialect = dialect
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#size
  }

  /** @throws {DockerToolsError} `FILE_CHANGED` if the body has not the size of its header. */
  async member(
    header: TarHeader & { readonly type: 'file' },
    writeBody: (sink: ByteSink) => Promise<void>,
  ): Promise<void> {
    await this.#write(encodeHeader(header, this.#dialect))
    const bodyStart = this.#size
    const limited: ByteSink = {
      write: (chunk) => {
        if (this.#size - bodyStart + chunk.length > header.size) throw wrongSize(header, 'more')
        return this.#write(chunk)
      },
    }
    await writeBody(limited)
    if (this.#size - bodyStart !== header.size) throw wrongSize(header, 'less')
    await this.#write(new Uint8Array(paddingLength(header.size)))
  }

  /** A member without a body. */
  async entry(header: Exclude<TarHeader, { readonly type: 'file' }>): Promise<void> {
    await this.#write(encodeHeader(header, this.#dialect))
  }

  async end(): Promise<void> {
    await this.#write(endOfArchive(this.#size))
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return
    this.#size += chunk.length
    await this.#sink.write(chunk)
  }
}

function wrongSize(header: TarHeader & { readonly type: 'file' }, how: 'more' | 'less'): DockerToolsError {
  return new DockerToolsError(
    'FILE_CHANGED',
    `Cannot write "${byteStringToText(header.path)}": it has ${how} than the ${header.size} bytes it should have`,
  )
}
