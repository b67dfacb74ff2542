const MINIMUM_SLOTS = 8
const LINEAR_PROBES = 9
const PERTURB_SHIFT = 5n
/** Above this many elements CPython grows a set by 2 instead of 4. */
const LARGE_SET = 50_000

/**
 * The order in which CPython iterates a `set` whose elements have `hashes` and
 * were added one by one in this order.
 *
 * Upstream lets that order decide between equals, so what comes out first is
 * decided by the hash table: its size, its probing and when it grows.
 *
 * @param hashes Unsigned 64-bit hashes of different elements.
 * @returns Indices into `hashes`.
 * @see CPython `Objects/setobject.c`, `set_add_entry` and `set_table_resize`
 */
export function pythonSetOrder(hashes: readonly bigint[]): number[] {
  let slots = new Int32Array(MINIMUM_SLOTS).fill(-1)
  for (let index = 0; index < hashes.length; index++) {
    insert(slots, hashes, index)
    const used = index + 1
    if (used * 5 >= (slots.length - 1) * 3) slots = grown(slots, hashes, used > LARGE_SET ? used * 2 : used * 4)
  }
  return [...slots].filter((index) => index !== -1)
}

function grown(slots: Int32Array, hashes: readonly bigint[], atLeast: number): Int32Array<ArrayBuffer> {
  let size = MINIMUM_SLOTS
  while (size <= atLeast) size *= 2
  const larger = new Int32Array(size).fill(-1)
  for (const index of slots) {
    if (index !== -1) insert(larger, hashes, index)
  }
  return larger
}

/** Puts `index` into the first free slot of its probe sequence. `slots` is never full, so there is one. */
function insert(slots: Int32Array, hashes: readonly bigint[], index: number): void {
  const mask = slots.length - 1
  let perturb = hashes[index]!
  let slot = Number(perturb & BigInt(mask))
  for (;;) {
    const last = slot + LINEAR_PROBES <= mask ? slot + LINEAR_PROBES : slot
    for (let probe = slot; probe <= last; probe++) {
      if (slots[probe] !== -1) continue
      slots[probe] = index
      return
    }
    perturb >>= PERTURB_SHIFT
    slot = Number((BigInt(slot) * 5n + 1n + perturb) & BigInt(mask))
  }
}
