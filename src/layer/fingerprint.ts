import { createHash, type Hash } from 'node:crypto'
import type { ScannedEntry } from '#tree'

const FIELDS = 4
const ENTRIES_A_BATCH = 256

/**
 * What a tree looks like from outside: kind of entry, inode, size and change time of each,
 * in order. The kernel moves the change time on every write, and no program can set it, so equal
 * fingerprints mean that no byte was written since.
 */
export class Fingerprint {
  readonly #hash: Hash = createHash('sha256')
  readonly #batch: Float64Array = new Float64Array(FIELDS * ENTRIES_A_BATCH)
  #filled = 0
  /** The latest change time of all entries, milliseconds since 1970. */
  latestChangeMs: number = 0

  add(entry: ScannedEntry): void {
    const batch = this.#batch
    batch[this.#filled] = entry.ino
    batch[this.#filled + 1] = entry.type === 'file' ? entry.size : -1
    batch[this.#filled + 2] = entry.ctimeMs
    batch[this.#filled + 3] = entry.mode
    if (entry.ctimeMs > this.latestChangeMs) this.latestChangeMs = entry.ctimeMs
    this.#filled += FIELDS
    if (this.#filled === batch.length) this.#drain()
  }

  digest(): string {
    this.#drain()
    return this.#hash.copy().digest('base64')
  }

  #drain(): void {
    this.#hash.update(new Uint8Array(this.#batch.buffer, 0, this.#filled * Float64Array.BYTES_PER_ELEMENT))
    this.#filled = 0
  }
}
