import type { IndexedGraph } from './indexed-graph.ts'
import { type Ranking, rankNodes } from './rank-nodes.ts'

/** The bit sets of one pass take at most this much memory: 64 MiB. Larger graphs take more passes. */
const MAX_BIT_SET_WORDS = 2 ** 24

/** Two whole numbers up to here add up exactly. */
const EXACT_HALF = 2 ** 52

/** An exact whole number: a `number` while it is at most 2^53 - 1, a `bigint` above. */
type Exact = number | bigint

/**
 * Counts how popular each node is, as explained in `popularity-order.ts`.
 *
 * @param maxBitSetWords Most 32-bit words for bit sets at a time, at least one a node; tests ask for few.
 * @returns A count for each node; 0 where no root leads to it.
 */
export function popularityCounts(graph: IndexedGraph, maxBitSetWords: number = MAX_BIT_SET_WORDS): Exact[] {
  const ranking = rankNodes(graph)
  const ways = countWays(ranking)
  const bases = chooseBases(ranking, ways)
  const missing = sumMissing(ranking, ways, bases, maxBitSetWords)
  const counts: Exact[] = []
  for (const [rank, base] of bases.entries()) {
    const above = base === -1 ? 0 : counts[base]!
    counts.push(add(add(above, missing[rank]!), ways[rank]!))
  }
  return Array.from(ranking.rankOf, (rank) => counts[rank]!)
}

/** The number of ways from a root down to each rank. */
function countWays({ size, isRoot, userOffsets, users }: Ranking): Exact[] {
  const ways: Exact[] = []
  for (let rank = 0; rank < size; rank++) {
    let sum: Exact = isRoot[rank]!
    for (let edge = userOffsets[rank]!; edge < userOffsets[rank + 1]!; edge++) sum = add(sum, ways[users[edge]!]!)
    ways.push(sum)
  }
  return ways
}

/**
 * For each rank the user whose count it starts from, or -1. Any user is right;
 * the one with most ways tends to have most above it, and so leaves least to add.
 */
function chooseBases({ size, userOffsets, users }: Ranking, ways: readonly Exact[]): Int32Array {
  const bases = new Int32Array(size).fill(-1)
  for (let rank = 0; rank < size; rank++) {
    let most: Exact = 0
    for (let edge = userOffsets[rank]!; edge < userOffsets[rank + 1]!; edge++) {
      const user = users[edge]!
      if (ways[user]! < most) continue
      bases[rank] = user
      most = ways[user]!
    }
  }
  return bases
}

/**
 * For each rank the sum of the ways of all that is above it, but neither above
 * its base nor the base.
 *
 * Bit `a` of a rank's set stands for rank `a` being the rank or above it. The
 * sets are built for a window of `a` at a time, so that memory stays bounded.
 */
function sumMissing(
  { size, userOffsets, users }: Ranking,
  ways: readonly Exact[],
  bases: Int32Array,
  maxBitSetWords: number,
): Exact[] {
  const sums = new ExactSums(ways)
  const wordsThatFit = Math.floor(maxBitSetWords / Math.max(1, size))
  const words = Math.max(1, Math.min(Math.ceil(size / 32), wordsThatFit))
  const sets = new Uint32Array(size * words)
  for (let first = 0; first < size; first += words * 32) {
    sets.fill(0)
    for (let rank = first; rank < size; rank++) {
      // What is above a rank has a smaller number, so its set needs no more words than these.
      const set = sets.subarray(rank * words, rank * words + Math.min(words, ((rank - first) >>> 5) + 1))
      const rankUsers = users.subarray(userOffsets[rank], userOffsets[rank + 1])
      for (const user of rankUsers) addAll(set, sets, user * words)
      if (rankUsers.length > 1) {
        const baseRow = bases[rank]! * words
        for (let word = 0; word < set.length; word++) {
          const lacking = set[word]! & ~sets[baseRow + word]!
          if (lacking !== 0) sums.addBits(rank, first + word * 32, lacking)
        }
      }
      const own = rank - first
      if (own < words * 32) set[own >>> 5]! |= 1 << (own & 31)
    }
  }
  return sums.totals()
}

/** Adds to `set` the bits of the row of `sets` that starts at `row`. */
function addAll(set: Uint32Array, sets: Uint32Array, row: number): void {
  for (let word = 0; word < set.length; word++) set[word]! |= sets[row + word]!
}

/** A sum for each rank, kept in doubles while they are exact. */
class ExactSums {
  readonly #ways: readonly Exact[]
  /** The ways that are small enough to be added as doubles; -1 for the others. */
  readonly #smallWays: Float64Array
  readonly #small: Float64Array
  readonly #large = new Map<number, bigint>()

  constructor(ways: readonly Exact[]) {
    this.#ways = ways
    this.#smallWays = Float64Array.from(ways, (value) => (value <= EXACT_HALF ? Number(value) : -1))
    this.#small = new Float64Array(ways.length)
  }

  /** Adds to the sum of `rank` the ways of rank `first + i` for each bit `i` that is set. */
  addBits(rank: number, first: number, bits: number): void {
    for (let rest = bits; rest !== 0; rest &= rest - 1) {
      const above = first + 31 - Math.clz32(rest & -rest)
      const value = this.#smallWays[above]!
      if (value === -1) this.#addLarge(rank, this.#ways[above]!)
      else if ((this.#small[rank]! += value) > EXACT_HALF) {
        this.#addLarge(rank, this.#small[rank]!)
        this.#small[rank] = 0
      }
    }
  }

  totals(): Exact[] {
    return Array.from(this.#small, (value, rank) => add(value, this.#large.get(rank) ?? 0))
  }

  #addLarge(rank: number, value: Exact): void {
    this.#large.set(rank, (this.#large.get(rank) ?? 0n) + BigInt(value))
  }
}

function add(a: Exact, b: Exact): Exact {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (sum <= Number.MAX_SAFE_INTEGER) return sum
  }
  return BigInt(a) + BigInt(b)
}
