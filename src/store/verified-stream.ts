import { createHash, type Hash as Hasher } from 'node:crypto'
import { DockerToolsError, IntegrityError } from '#errors'
import { finishHash, formatHash, type Hash } from './hash.ts'

/** What a stream is promised to be. */
export interface Promised {
  /** Names the stream in messages. */
  readonly what: string
  /** Bytes. */
  readonly size?: number
  readonly hashes: readonly Hash[]
}

/**
 * Passes a stream on and checks it on the way: its size as soon as it is
 * passed, its hashes at the end. It can be read on after its reader gave up,
 * which tells a broken stream from one that was promised to be that way.
 */
export class VerifiedStream implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #promised: Promised
  readonly #hashers: readonly Hasher[]
  #size = 0
  #state: 'reading' | 'ended' | 'failed' = 'reading'
  #failure: IntegrityError | undefined

  constructor(source: AsyncIterable<Uint8Array>, promised: Promised) {
    this.#source = source[Symbol.asyncIterator]()
    this.#promised = promised
    this.#hashers = promised.hashes.map((hash) => createHash(hash.algorithm))
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    // Without `return`: whoever stops reading does not close what `explain` may want to read on.
    return { next: () => this.next() }
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#state !== 'reading') return { done: true, value: undefined }
    try {
      const result = await this.#source.next()
      if (result.done === true) this.#verify()
      else this.#count(result.value)
      return result
    } catch (error) {
      this.#state = 'failed'
      if (error instanceof IntegrityError) this.#failure = error
      throw error
    }
  }

  /**
   * The better reason for `error`, which came up while this stream was used:
   * where the rest of it shows that it is not what was promised, that is why.
   */
  async explain(error: unknown): Promise<unknown> {
    if (!(error instanceof DockerToolsError) || error instanceof IntegrityError) return error
    // Without a size it might never end. A failure is kept: it may have come up where nobody waited any more.
    if (this.#promised.size !== undefined) await this.finish().catch(() => undefined)
    const failure = this.#failure
    if (failure === undefined) return error
    const { code, message, expected, actual } = failure
    return new IntegrityError(code as 'DIGEST_MISMATCH', message, { expected, actual, cause: error })
  }

  /** Reads to the end, for the checks there. */
  async finish(): Promise<void> {
    while (this.#state === 'reading') await this.next()
  }

  async close(): Promise<void> {
    await this.#source.return?.()
  }

  #count(chunk: Uint8Array): void {
    this.#size += chunk.length
    const { size } = this.#promised
    if (size !== undefined && this.#size > size) throw this.#sizeMismatch(`more than ${size}`)
    for (const hasher of this.#hashers) hasher.update(chunk)
  }

  #verify(): void {
    this.#state = 'ended'
    const { what, size, hashes } = this.#promised
    if (size !== undefined && this.#size !== size) throw this.#sizeMismatch(`${this.#size}`)
    for (const [index, hash] of hashes.entries()) {
      const expected = formatHash(hash, 'sri')
      const actual = formatHash(finishHash(hash.algorithm, this.#hashers[index]!), 'sri')
      if (actual === expected) continue
      throw new IntegrityError(
        'DIGEST_MISMATCH',
        `Cannot read ${what}: its hash is ${actual}, it should be ${expected}`,
        {
          expected,
          actual,
        },
      )
    }
  }

  #sizeMismatch(actual: string): IntegrityError {
    const { what, size } = this.#promised
    const message = `Cannot read ${what}: it has ${actual} bytes, it should have ${size}`
    return new IntegrityError('SIZE_MISMATCH', message, { expected: `${size}`, actual })
  }
}
