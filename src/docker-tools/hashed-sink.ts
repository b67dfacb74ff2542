import { createHash, type Hash as Hasher } from 'node:crypto'
import { type Hash, type HashAlgorithm, parseHash } from '#store'
import type { ByteSink } from '#util'

/** What an archive ends with: as long as that is missing, nobody takes it for whole. */
export const WITHHELD_BYTES = 1024

/**
 * Hashes what is written, and keeps the last small chunk back until `release`: so the end of an archive can wait
 * until its hash has been looked at.
 */
export class HashedSink implements ByteSink {
  readonly #algorithm: HashAlgorithm
  readonly #sink: ByteSink
  readonly #hasher: Hasher
  #held: Uint8Array | undefined

  constructor(algorithm: HashAlgorithm, sink: ByteSink) {
    this.#algorithm = algorithm
    this.#sink = sink
    this.#hasher = createHash(algorithm)
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hasher.update(chunk)
    await this.release()
    // The chunk is the caller's again afterwards.
    if (chunk.length <= WITHHELD_BYTES) this.#held = Uint8Array.from(chunk)
    else await this.#sink.write(chunk)
  }

  /** The hash of everything; nothing can be written afterwards. */
  finish(): Hash {
    return parseHash(this.#hasher.digest('hex'), this.#algorithm)
  }

  async release(): Promise<void> {
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) await this.#sink.write(held)
  }
}
