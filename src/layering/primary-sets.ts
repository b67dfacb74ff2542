import { pythonFrozensetHash, pythonStringHash } from './python-hash.ts'
import { pythonSetOrder } from './python-set-order.ts'

/**
 * The sets of primaries that paths carry in automatic layering, each kept once
 * and known by a number, so that equal sets have equal numbers. The empty set is 0.
 */
export class PrimarySets {
  readonly #paths: readonly string[]
  /** The nodes of each set, ascending. */
  readonly #sets: (readonly number[])[] = [[]]
  readonly #numbers = new Map<string, number>([['', 0]])

  /** @param paths The text of each node, which Python hashes. */
  constructor(paths: readonly string[]) {
    this.#paths = paths
  }

  /** The number of the set that holds `node` alone. */
  only(node: number): number {
    return this.#number([node])
  }

  /**
   * What becomes of the sets below a new primary.
   *
   * @param below A mask of the nodes below `primary`; whether it is among them makes no difference.
   * @param above A mask of the nodes above `primary`, likewise.
   * @returns A function from a set to what replaces it. It remembers its answers.
   */
  step(primary: number, below: Uint8Array, above: Uint8Array): (set: number) => number {
    const answers = new Map<number, number>()
    return (set) => {
      const known = answers.get(set)
      if (known !== undefined) return known
      const nodes = this.#sets[set]!
      const kept = nodes.some((node) => above[node] === 1) ? nodes.filter((node) => above[node] === 0) : nodes
      const belongsBelow = kept.some((node) => below[node] === 1)
      const changed = belongsBelow ? kept : withElement(kept, primary)
      const answer = changed === nodes ? set : this.#number(changed)
      answers.set(set, answer)
      return answer
    }
  }

  /** How many different sets `setOf` names. */
  countUsed(setOf: Int32Array): number {
    const used = new Uint8Array(this.#sets.length)
    let count = 0
    for (const set of setOf) {
      count += 1 - used[set]!
      used[set] = 1
    }
    return count
  }

  /** `sets` as Python iterates a set of frozensets that were added in this order. */
  inSetOrder(sets: readonly number[]): number[] {
    const hashes = new Map<number, bigint>()
    const hashOf = (node: number): bigint => {
      const known = hashes.get(node) ?? pythonStringHash(this.#paths[node]!)
      hashes.set(node, known)
      return known
    }
    return pythonSetOrder(sets.map((set) => pythonFrozensetHash(this.#sets[set]!.map(hashOf)))).map(
      (index) => sets[index]!,
    )
  }

  #number(nodes: readonly number[]): number {
    const key = nodes.join()
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.#sets.push(nodes) - 1
    this.#numbers.set(key, number)
    return number
  }
}

/** `sorted` with `element`, which it may hold already, in its place. */
function withElement(sorted: readonly number[], element: number): number[] {
  const others = sorted.filter((other) => other !== element)
  const place = others.findLastIndex((other) => other < element) + 1
  return others.toSpliced(place, 0, element)
}
