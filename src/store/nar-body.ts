import { DockerToolsError } from '#errors'
import type { NarInput } from './nar-input.ts'

const WHAT = 'the contents'

/** A file's contents within a NAR that is being read: to be taken in passing, or not at all. */
export class NarBody {
  readonly #input: NarInput
  readonly #size: number
  #left: number
  #state: 'fresh' | 'opened' | 'passed' = 'fresh'

  constructor(input: NarInput, size: number) {
    this.#input = input
    this.#size = size
    this.#left = size
  }

  /** @throws {DockerToolsError} `INTERNAL` on a second call, or once the reader has gone on. */
  open(): AsyncGenerator<Uint8Array> {
    if (this.#state !== 'fresh') {
      throw misuse(this.#state === 'opened' ? 'it was opened before' : 'the reader is past it')
    }
    this.#state = 'opened'
    return this.#read()
  }

  /** Reads past whatever was left, and past the padding. */
  async finish(): Promise<void> {
    this.#state = 'passed'
    while (this.#left > 0) await this.#readPart()
    await this.#input.readPadding(this.#size, WHAT)
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    for (let isFirst = true; this.#left > 0; isFirst = false) {
      if (this.#state !== 'opened')
        throw misuse(isFirst ? 'it is read too late' : 'the reader went on while it was read')
      yield await this.#readPart()
    }
  }

  async #readPart(): Promise<Uint8Array> {
    const part = await this.#input.readSome(this.#left, WHAT)
    this.#left -= part.length
    return part
  }
}

function misuse(fault: string): DockerToolsError {
  return new DockerToolsError(
    'INTERNAL',
    `Cannot read a file of a NAR: ${fault}, it should be opened once and read in passing`,
  )
}
