import { DockerToolsError } from '#errors'
import type { NarInput } from './nar-input.ts'

/** A file's contents within a NAR that is being read: to be taken in passing, or not at all. */
export class NarBody {
  readonly #input: NarInput
  readonly #size: number
  readonly #where: string
  #left: number
  #state: 'fresh' | 'opened' | 'passed' = 'fresh'

  constructor(input: NarInput, size: number, where: string) {
    this.#input = input
    this.#size = size
    this.#where = where
    this.#left = size
  }

  /** @throws {DockerToolsError} `INTERNAL` on a second call, or once the reader has gone on. */
  open(): AsyncGenerator<Uint8Array> {
    if (this.#state !== 'fresh') {
      const fault = this.#state === 'opened' ? 'they were opened before' : 'the reader is past them'
      throw new DockerToolsError(
        'INTERNAL',
        `Cannot open the contents of ${this.#where} in a NAR: ${fault}, they should be opened once and in passing`,
      )
    }
    this.#state = 'opened'
    return this.#read()
  }

  /** Reads past whatever was left, and past the padding. */
  async finish(): Promise<void> {
    this.#state = 'passed'
    while (this.#left > 0) await this.#readPart()
    await this.#input.readPadding(this.#size, `the contents of ${this.#where}`)
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    while (this.#left > 0) {
      if (this.#state !== 'opened') {
        throw new DockerToolsError(
          'INTERNAL',
          `Cannot read the contents of ${this.#where} in a NAR: the reader is past them, they should be read in passing`,
        )
      }
      yield await this.#readPart()
    }
  }

  async #readPart(): Promise<Uint8Array> {
    const part = await this.#input.readSome(this.#left, `the contents of ${this.#where}`)
    this.#left -= part.length
    return part
  }
}
