/** What a column of ours holds. Integers are whole, not negative and exact: below 2^53. */
export type SqliteValue = null | number | string

/**
 * A row, or the entry of an index, as SQLite lays it out: what each value is,
 * then the values.
 *
 * @see https://www.sqlite.org/fileformat2.html#record_format
 */
export function encodeRecord(values: readonly SqliteValue[]): Uint8Array {
  const fields = values.map(encodeValue)
  const types = Buffer.concat(fields.map(({ type }) => encodeVarint(type)))
  // The header counts itself. Five columns of text are the most there are: its length takes one byte.
  return Buffer.concat([encodeVarint(types.length + 1), types, ...fields.map(({ bytes }) => bytes)])
}

/** A number of up to 56 bits, seven bits a byte, the highest first. */
export function encodeVarint(value: number): Uint8Array {
  const bytes = [value % 128]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift((rest % 128) + 128)
  return Uint8Array.from(bytes)
}

interface Field {
  /** SQLite's serial type. */
  readonly type: number
  readonly bytes: Uint8Array
}

const NO_BYTES = new Uint8Array(0)

/** Serial types of integers that take bytes: two's complement, so the highest bit is the sign. */
const INTEGER_TYPES = [
  { type: 1, size: 1 },
  { type: 2, size: 2 },
  { type: 3, size: 3 },
  { type: 4, size: 4 },
  { type: 5, size: 6 },
] as const

function encodeValue(value: SqliteValue): Field {
  if (value === null) return { type: 0, bytes: NO_BYTES }
  if (typeof value === 'number') return encodeInteger(value)
  const bytes = Buffer.from(value)
  return { type: 13 + 2 * bytes.length, bytes }
}

/** In as few bytes as it takes, as SQLite does. */
function encodeInteger(value: number): Field {
  if (value <= 1) return { type: 8 + value, bytes: NO_BYTES }
  for (const { type, size } of INTEGER_TYPES) {
    if (value >= 2 ** (8 * size - 1)) continue
    const bytes = Buffer.alloc(size)
    bytes.writeUIntBE(value, 0, size)
    return { type, bytes }
  }
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return { type: 6, bytes }
}
