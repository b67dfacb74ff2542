const MASK_64 = (1n << 64n) - 1n

/**
 * The hash CPython gives a `str` under `PYTHONHASHSEED=0`, as an unsigned
 * 64-bit number: SipHash-1-3 with an all-zero key over the characters, one byte
 * each. `text` may only hold characters up to U+00FF, as store paths do.
 *
 * @see CPython `Python/pyhash.c`, `siphash13`
 * @see https://www.aumasson.jp/siphash/siphash.pdf
 */
export function pythonStringHash(text: string): bigint {
  const bytes = Buffer.from(text, 'latin1')
  if (bytes.length === 0) return 0n
  const state = initialState()
  const fullWords = bytes.length - (bytes.length % 8)
  for (let at = 0; at < fullWords; at += 8) absorb(state, bytes.readBigUInt64LE(at))
  const tail = Buffer.alloc(8)
  bytes.copy(tail, 0, fullWords)
  tail[7] = bytes.length & 0xff
  absorb(state, tail.readBigUInt64LE(0))
  state.v2 ^= 0xffn
  for (let round = 0; round < 3; round++) sipRound(state)
  const hash = state.v0 ^ state.v1 ^ state.v2 ^ state.v3
  return hash === MASK_64 ? MASK_64 - 1n : hash
}

/**
 * The hash CPython gives a `frozenset` whose elements have `hashes`, as an
 * unsigned 64-bit number. The order of `hashes` does not matter; each element
 * has to be there once.
 *
 * @see CPython `Objects/setobject.c`, `frozenset_hash`
 */
export function pythonFrozensetHash(hashes: readonly bigint[]): bigint {
  let hash = 0n
  for (const element of hashes) hash ^= ((element ^ 89869747n ^ (element << 16n)) * 3644798167n) & MASK_64
  hash ^= (BigInt(hashes.length + 1) * 1927868237n) & MASK_64
  hash ^= (hash >> 11n) ^ (hash >> 25n)
  hash = (hash * 69069n + 907133923n) & MASK_64
  return hash === MASK_64 ? 590923713n : hash
}

interface SipState {
  v0: bigint
  v1: bigint
  v2: bigint
  v3: bigint
}

/** The constants of SipHash; the key they are combined with is zero. */
function initialState(): SipState {
  return {
    v0: 0x736f6d6570736575n,
    v1: 0x646f72616e646f6dn,
    v2: 0x6c7967656e657261n,
    v3: 0x7465646279746573n,
  }
}

function absorb(state: SipState, word: bigint): void {
  state.v3 ^= word
  sipRound(state)
  state.v0 ^= word
}

function sipRound(state: SipState): void {
  let { v0, v1, v2, v3 } = state
  v0 = (v0 + v1) & MASK_64
  v1 = rotateLeft(v1, 13n) ^ v0
  v0 = rotateLeft(v0, 32n)
  v2 = (v2 + v3) & MASK_64
  v3 = rotateLeft(v3, 16n) ^ v2
  v0 = (v0 + v3) & MASK_64
  v3 = rotateLeft(v3, 21n) ^ v0
  v2 = (v2 + v1) & MASK_64
  v1 = rotateLeft(v1, 17n) ^ v2
  v2 = rotateLeft(v2, 32n)
  Object.assign(state, { v0, v1, v2, v3 })
}

function rotateLeft(word: bigint, bits: bigint): bigint {
  return ((word << bits) | (word >> (64n - bits))) & MASK_64
}
