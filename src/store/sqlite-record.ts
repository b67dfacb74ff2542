/** What a column of ours holds. Integers are whole, not negative and exact: below 2^53. */
export type SqliteValue = null | number | string

/**
 * A row, or the entry of an index, as SQLite lays it out: what each value is,
 * then the values.
 *
 * @see https://www.sqlite.org/fileformat2.html#record_format
 */
export function encodeRecord(values: readonly SqliteValue[]): Uint8Array {
  const types = values.map(serialType)
  // The header counts itself. Columns are few, and texts no longer than paths: its length takes one byte.
  const headerBytes = types.reduce((sum, type) => sum + varintBytes(type), 1)
  const record = Buffer.allocUnsafe(types.reduce((sum, type) => sum + valueBytes(type), headerBytes))
  let at = writeVarint(record, headerBytes, 0)
  for (const type of types) at = writeVarint(record, type, at)
  for (const [index, value] of values.entries()) {
    const size = valueBytes(types[index] ?? 0)
    if (typeof value === 'string') record.write(value, at)
    else if (value !== null && size === 8) record.writeBigUInt64BE(BigInt(value), at)
    else if (value !== null && size > 0) record.writeUIntBE(value, at, size)
    at += size
  }
  return record
}

/** A number of up to 56 bits, seven bits a byte, the highest first. */
export function encodeVarint(value: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(varintBytes(value))
  writeVarint(bytes, value, 0)
  return bytes
}

function writeVarint(target: Buffer, value: number, at: number): number {
  const end = at + varintBytes(value)
  let rest = value
  for (let place = end - 1; place >= at; place--) {
    target[place] = (rest % 128) + (place === end - 1 ? 0 : 128)
    rest = Math.floor(rest / 128)
  }
  return end
}

function varintBytes(value: number): number {
  let count = 1
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) count += 1
  return count
}

/** Bytes of integers by their serial type: two's complement, so the highest bit is the sign. */
const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8] as const

/** What SQLite calls the kind and the length of a value: integers take as few bytes as they can. */
function serialType(value: SqliteValue): number {
  if (value === null) return 0
  if (typeof value === 'string') return 13 + 2 * Buffer.byteLength(value)
  if (value <= 1) return 8 + value
  return INTEGER_BYTES.findIndex((size) => size > 0 && value < 2 ** (8 * size - 1))
}

function valueBytes(type: number): number {
  return type >= 13 ? (type - 13) / 2 : (INTEGER_BYTES[type] ?? 0)
}
