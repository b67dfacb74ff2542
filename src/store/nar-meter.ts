import { createHash } from 'node:crypto'
import { HashPartFinder } from './hash-part-finder.ts'
import { finishHash, type Hash } from './hash.ts'
import { HASH_PART_LENGTH } from './store-path.ts'

const SEAM_BYTES = HASH_PART_LENGTH - 1

/** What was measured of a NAR. */
export interface MeteredNar {
  readonly narHash: Hash
  readonly narSize: number
  /** Those that were looked for and found. */
  readonly hashParts: ReadonlySet<string>
}

/** Hashes and counts the bytes of a NAR, and looks for hash parts in them, as they come by. */
export class NarMeter {
  readonly #hash = createHash('sha256')
  readonly #finder: HashPartFinder | undefined
  readonly #found = new Set<string>()
  #tail = Buffer.alloc(0)
  #size = 0

  constructor(knownHashParts?: ReadonlySet<string>) {
    this.#finder = knownHashParts === undefined ? undefined : new HashPartFinder(knownHashParts)
  }

  add(piece: Uint8Array): void {
    this.#hash.update(piece)
    this.#size += piece.length
    if (this.#finder !== undefined) this.#scan(this.#finder, piece)
  }

  finish(): MeteredNar {
    return { narHash: finishHash('sha256', this.#hash), narSize: this.#size, hashParts: this.#found }
  }

  /** What stands across the end of a piece is seen together with the start of the next one. */
  #scan(finder: HashPartFinder, piece: Uint8Array): void {
    const seam = Buffer.concat([this.#tail, piece.subarray(0, SEAM_BYTES)])
    finder.scan(seam, this.#found)
    if (piece.length <= SEAM_BYTES) {
      this.#tail = seam.subarray(-SEAM_BYTES)
      return
    }
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length)
    finder.scan(bytes, this.#found)
    // A copy: the piece may be a buffer that is filled anew.
    this.#tail = Buffer.from(bytes.subarray(-SEAM_BYTES))
  }
}
