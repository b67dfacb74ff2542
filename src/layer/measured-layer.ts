import type { Content, Digest } from '#image'
import type { ByteSink } from '#util'

/** A layer whose digest and size are known and whose bytes can be written, once. */
export interface MeasuredLayer {
  readonly digest: Digest
  /** Bytes of the tar. */
  readonly size: number
  /** Starts to fetch the bytes where that takes time. They must be asked for next. */
  prepare(): void
  /** Lets go of what is kept for writing: it will not be written. */
  skip(): void
  /**
   * Writes the tar. Whoever has asked for the layer writes it once, or not at all.
   *
   * @throws {DockerToolsError} `FILE_CHANGED` if what was measured is not there any more.
   */
  writeTo(sink: ByteSink): Promise<void>
  /** The same layer, to be written once more; undefined where its bytes are gone once they were written. */
  readonly again?: (() => MeasuredLayer) | undefined
}

/** A layer that is measured while it is written. */
export interface UnmeasuredLayer {
  /**
   * Writes the tar, once.
   *
   * @returns The same layer, now that it is measured, to be written once more.
   * @throws {DockerToolsError} As measuring does, and what the sink throws.
   */
  writeTo(sink: ByteSink): Promise<MeasuredLayer>
}

/** A layer that is held as content. */
export function layerOfContent(content: Content): MeasuredLayer {
  return {
    digest: content.digest,
    size: content.size,
    prepare: () => undefined,
    skip: () => undefined,
    again: () => layerOfContent(content),
    async writeTo(sink) {
      for await (const chunk of content.open()) await sink.write(chunk)
    },
  }
}
