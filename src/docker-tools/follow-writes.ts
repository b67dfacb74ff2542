import { DockerToolsError } from '#errors'

const READ_BYTES = 256 * 1024

/** How far something is written, for those who read it meanwhile. */
export class WriteProgress {
  #bytes = 0
  #state: 'open' | 'whole' | 'dropped' = 'open'
  #wakers: (() => void)[] = []

  /** So many more bytes can be read. */
  add(bytes: number): void {
    this.#bytes += bytes
    this.#wake()
  }

  /** Nothing more is written: because all is, or because it was given up. */
  end(how: 'whole' | 'dropped'): void {
    if (this.#state === 'open') this.#state = how
    this.#wake()
  }

  /** Waits until there are bytes behind `position`, and tells where they end; `position` itself where none will come. */
  async endBehind(position: number): Promise<number> {
    while (this.#state === 'open' && this.#bytes <= position) {
      await new Promise<void>((resolve) => this.#wakers.push(resolve))
    }
    if (this.#state === 'dropped') throw new DockerToolsError('INTERRUPTED', 'Cannot read on: the writing was stopped')
    return this.#bytes
  }

  #wake(): void {
    const wakers = this.#wakers
    this.#wakers = []
    for (const wake of wakers) wake()
  }
}

/**
 * Reads what is being written, from the start to its end. A slow reader holds nobody up, and needs no memory. A chunk
 * is valid until the next one is asked for.
 *
 * @throws {DockerToolsError} `INTERRUPTED` if the writing was given up.
 */
export async function* followWrites(
  progress: WriteProgress,
  read: (target: Uint8Array, position: number) => Promise<number> | number,
): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  for (let position = 0; ;) {
    const end = await progress.endBehind(position)
    if (end === position) return
    const bytes = await read(buffer.subarray(0, end - position), position)
    if (bytes === 0)
      throw new DockerToolsError('FILE_CHANGED', 'Cannot read on: what was written is not there any more')
    position += bytes
    yield buffer.subarray(0, bytes)
  }
}
