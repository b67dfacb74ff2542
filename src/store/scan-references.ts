import { DockerToolsError } from '#errors'
import { HashPartFinder } from './hash-part-finder.ts'
import { DEFAULT_STORE_DIR, HASH_PART_LENGTH, isStorePath, MAX_NAME_LENGTH, type StorePath } from './store-path.ts'

/** What to look for. */
export interface ReferenceScanOptions {
  /** Default: `/nix/store`. */
  readonly storeDir?: string
  /** Hash parts that count wherever they stand, as Nix has it. */
  readonly knownHashParts: ReadonlySet<string>
  /** Different store paths in the text that are put up with. Default: a million. */
  readonly maxTexts?: number
}

/** What a stream names. */
export interface FoundReferences {
  /** Those of `knownHashParts` that stand in it, with or without a store folder before them. */
  readonly hashParts: Set<string>
  /** Every text in the form of a store path (`STOREDIR/HASH-NAME`), whether anyone knows it or not. */
  readonly texts: Set<StorePath>
}

/** Scanned at a time: large enough that the seams do not count, small enough for the processor's cache. */
const BLOCK_BYTES = 256 * 1024
const IS_NAME_BYTE = makeNameTable()

/**
 * Looks for store paths in a stream of any content. Chunk boundaries make no
 * difference; memory grows with what is found only.
 *
 * @throws {DockerToolsError} `LIMIT_EXCEEDED` for more texts than `maxTexts`.
 * @see nix `src/libstore/references.cc`
 */
export async function scanReferences(
  source: AsyncIterable<Uint8Array>,
  options: ReferenceScanOptions,
): Promise<FoundReferences> {
  const scanner = new BlockScanner(options)
  // Whatever stands across a seam is shorter than this, so it is seen whole in the next block.
  const seamBytes = scanner.prefix.length + HASH_PART_LENGTH + 1 + MAX_NAME_LENGTH
  const block = Buffer.allocUnsafe(BLOCK_BYTES)
  let filled = 0
  for await (const chunk of source) {
    for (let taken = 0; taken < chunk.length;) {
      const part = chunk.subarray(taken, taken + BLOCK_BYTES - filled)
      block.set(part, filled)
      filled += part.length
      taken += part.length
      if (filled < BLOCK_BYTES) break
      scanner.scan(block, false)
      block.copyWithin(0, BLOCK_BYTES - seamBytes)
      filled = seamBytes
    }
  }
  scanner.scan(block.subarray(0, filled), true)
  return scanner.found
}

class BlockScanner {
  readonly found: FoundReferences = { hashParts: new Set(), texts: new Set() }
  readonly prefix: Buffer
  readonly #storeDir: string
  readonly #maxTexts: number
  readonly #finder: HashPartFinder

  constructor({ storeDir = DEFAULT_STORE_DIR, knownHashParts, maxTexts = 1_000_000 }: ReferenceScanOptions) {
    this.prefix = Buffer.from(`${storeDir}/`)
    this.#storeDir = storeDir
    this.#maxTexts = maxTexts
    this.#finder = new HashPartFinder(knownHashParts)
  }

  scan(block: Buffer, isLast: boolean): void {
    this.#finder.scan(block, this.found.hashParts)
    for (let at = block.indexOf(this.prefix); at >= 0; at = block.indexOf(this.prefix, at + 1)) {
      const end = this.#endOfName(block, at + this.prefix.length)
      // It may go on in the next block, which starts early enough to hold all of it.
      if (end === block.length && !isLast) continue
      this.#add(block.toString('latin1', at, end))
    }
  }

  #endOfName(block: Buffer, start: number): number {
    const limit = Math.min(block.length, start + HASH_PART_LENGTH + 1 + MAX_NAME_LENGTH + 1)
    let end = start
    while (end < limit && IS_NAME_BYTE[block[end]!] === 1) end++
    return end
  }

  #add(text: string): void {
    if (!isStorePath(text, this.#storeDir)) return
    this.found.texts.add(text)
    if (this.found.texts.size <= this.#maxTexts) return
    throw new DockerToolsError(
      'LIMIT_EXCEEDED',
      `Cannot scan for store paths: there are more than ${this.#maxTexts} different ones, the limit "maxTexts"`,
    )
  }
}

function makeNameTable(): Uint8Array {
  const table = new Uint8Array(256)
  for (let code = 0; code < 128; code++) {
    if (/[0-9A-Za-z+._?=-]/.test(String.fromCharCode(code))) table[code] = 1
  }
  return table
}
