import { NIX32_ALPHABET } from './nix32.ts'
import { HASH_PART_LENGTH, isHashPart } from './store-path.ts'

/** Characters looked at before a window is made a string: 4 × 5 bits index a table of 1 Mi entries. */
const KEY_LENGTH = 4
const KEY_MASK = (1 << (KEY_LENGTH * 5)) - 1
const NO_DIGIT = 0xff
const DIGITS = makeDigitTable()

/**
 * Finds known hash parts in bytes, at any place: every window of 32 base-32
 * characters counts. Most bytes are never looked at, because a character that
 * is no base-32 digit rules out the 32 windows around it; in long runs of
 * digits (hex dumps) each byte is looked at about twice.
 */
export class HashPartFinder {
  readonly #known: ReadonlySet<string>
  /** 1 where a known hash part starts with these four digits. */
  readonly #keys: Uint8Array = new Uint8Array(KEY_MASK + 1)

  constructor(known: ReadonlySet<string>) {
    this.#known = known
    for (const hashPart of known) {
      if (!isHashPart(hashPart)) continue
      let key = 0
      for (let index = 0; index < KEY_LENGTH; index++) key = key * 32 + DIGITS[hashPart.charCodeAt(index)]!
      this.#keys[key] = 1
    }
  }

  scan(block: Buffer, found: Set<string>): void {
    if (this.#known.size === 0) return
    const end = block.length
    let start = 0
    while (start + HASH_PART_LENGTH <= end) {
      let last = start + HASH_PART_LENGTH - 1
      while (last >= start && DIGITS[block[last]!] !== NO_DIGIT) last--
      start = last < start ? this.#scanRun(block, start, found) : last + 1
    }
  }

  /** Looks at all windows of the run of digits at `start`, the first of which is known to be whole. Returns the run's end. */
  #scanRun(block: Buffer, start: number, found: Set<string>): number {
    const end = block.length
    let key = 0
    for (let index = 0; index < KEY_LENGTH - 1; index++) key = key * 32 + DIGITS[block[start + index]!]!
    let windowEnd = start + HASH_PART_LENGTH
    for (let window = start; ; window++, windowEnd++) {
      key = (key * 32 + DIGITS[block[window + KEY_LENGTH - 1]!]!) & KEY_MASK
      if (this.#keys[key] === 1) {
        const text = block.toString('latin1', window, windowEnd)
        if (this.#known.has(text)) found.add(text)
      }
      if (windowEnd >= end || DIGITS[block[windowEnd]!] === NO_DIGIT) return windowEnd
    }
  }
}

function makeDigitTable(): Uint8Array {
  const table = new Uint8Array(256).fill(NO_DIGIT)
  for (let digit = 0; digit < NIX32_ALPHABET.length; digit++) table[NIX32_ALPHABET.charCodeAt(digit)] = digit
  return table
}
