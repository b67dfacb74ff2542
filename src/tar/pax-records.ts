import type { ByteString } from '#util'
import { bytesToByteString } from '#util'
import { tarError } from './tar-error.ts'

/** Records that stand for fields in which no NUL can be. */
const TEXT_FIELDS = new Set(['path', 'linkpath', 'uname', 'gname'])
/** More digits than any length within the limits has. */
const MAX_LENGTH_DIGITS = 10

/**
 * The records of an extended header, in order; of two for one key the last one
 * counts. A `hdrcharset` comes first, as Python's `tarfile` has it.
 *
 * @param offset Of the payload in the archive, for messages.
 * @throws {DockerToolsError} `FORMAT_INVALID` for anything that is no record:
 *   what one reader skips, another one obeys.
 */
export function parsePaxRecords(payload: Uint8Array, offset: number): Map<string, ByteString> {
  const records = new Map<string, ByteString>()
  for (let position = 0; position < payload.length;) {
    const record = parseRecord(payload, position, offset)
    records.set(record.key, record.value)
    position = record.end
  }
  const charset = records.get('hdrcharset')
  return charset === undefined ? records : new Map([['hdrcharset', charset], ...records])
}

function parseRecord(
  payload: Uint8Array,
  start: number,
  offset: number,
): { readonly key: string; readonly value: ByteString; readonly end: number } {
  const broken = (why: string): Error => tarError('FORMAT_INVALID', offset + start, `an extended record ${why}`)
  const space = payload.subarray(start, start + MAX_LENGTH_DIGITS + 1).indexOf(0x20)
  const digits = space === -1 ? '' : bytesToByteString(payload.subarray(start, start + space))
  if (!/^\d+$/.test(digits)) throw broken('has no length, it should begin with one')
  const end = start + Number(digits)
  const body = start + space + 1
  if (end > payload.length || end <= body) throw broken(`has the length ${digits}, it should end within its header`)
  if (payload[end - 1] !== 0x0a) throw broken('has no newline at its end, its length should be right')
  const equals = payload.subarray(body, end).indexOf(0x3d)
  if (equals < 1) throw broken('has no key, it should be KEY=VALUE')
  const key = decodeKey(payload.subarray(body, body + equals))
  if (key === undefined) throw broken('has a key that is no UTF-8, it should be')
  const value = bytesToByteString(payload.subarray(body + equals + 1, end - 1))
  if (TEXT_FIELDS.has(key) && value.includes('\0')) throw broken(`has a NUL in its ${key}, it should not`)
  return { key, value, end }
}

function decodeKey(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
