import { createHash } from 'node:crypto'
import { DockerToolsError, type ErrorCode, IntegrityError } from '#errors'
import type { BlobDescriptor } from './parse-manifest.ts'

/** What a reader says of bytes that make no sense to him. */
const ABOUT_CONTENT: ReadonlySet<ErrorCode> = new Set([
  'FORMAT_INVALID',
  'FORMAT_UNSUPPORTED',
  'LIMIT_EXCEEDED',
  'TRUNCATED',
])

/**
 * Passes the bytes of a blob on and checks them on the way: the size as soon as it is passed, both at the end. What
 * is read before the end has not been checked.
 */
export class VerifiedBlob implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #blob: BlobDescriptor
  readonly #what: string
  readonly #hash = createHash('sha256')
  #size = 0
  #isOver = false
  #fault: IntegrityError | undefined

  /** @param what Names it in errors. */
  constructor(source: AsyncIterable<Uint8Array>, blob: BlobDescriptor, what: string) {
    this.#source = source[Symbol.asyncIterator]()
    this.#blob = blob
    this.#what = what
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    // Without `return`: what the reader leaves is read by `finish`.
    return { next: () => this.#next() }
  }

  /**
   * Reads what is left, for the checks at the end.
   *
   * @throws {IntegrityError} `SIZE_MISMATCH`, `DIGEST_MISMATCH`.
   */
  async finish(): Promise<void> {
    while (!this.#isOver) await this.#next()
  }

  /** The better reason for a failure of the reader: that the bytes were not what they should be. */
  async explain(error: unknown): Promise<unknown> {
    if (!(error instanceof DockerToolsError) || !ABOUT_CONTENT.has(error.code)) return error
    // It may have come up where nobody waited for it any more.
    if (this.#isOver) return this.#fault ?? error
    try {
      await this.finish()
    } catch (better) {
      return better
    }
    return error
  }

  async close(): Promise<void> {
    this.#isOver = true
    await this.#source.return?.()
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#isOver) return { done: true, value: undefined }
    let isGood = false
    try {
      const result = await this.#source.next()
      if (result.done === true) {
        this.#check()
        this.#isOver = true
        return result
      }
      this.#size += result.value.length
      if (this.#size > this.#blob.size) throw this.#wrongSize(`more than ${this.#blob.size}`)
      this.#hash.update(result.value)
      isGood = true
      return result
    } finally {
      if (!isGood) this.#isOver = true
    }
  }

  #check(): void {
    if (this.#size !== this.#blob.size) throw this.#wrongSize(`${this.#size}`)
    const actual = `sha256:${this.#hash.digest('hex')}`
    const expected = this.#blob.digest
    if (actual === expected) return
    const message = `Cannot use ${this.#what}: its digest is "${actual}", it should be "${expected}"`
    throw (this.#fault = new IntegrityError('DIGEST_MISMATCH', message, { expected, actual }))
  }

  #wrongSize(actual: string): IntegrityError {
    const expected = `${this.#blob.size}`
    const message = `Cannot use ${this.#what}: it has ${actual} bytes, it should have ${expected}`
    return (this.#fault = new IntegrityError('SIZE_MISMATCH', message, { expected, actual }))
  }
}
