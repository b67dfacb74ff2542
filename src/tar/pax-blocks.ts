import type { ByteString } from '#util'
import { MAX_OCTAL_11, MAX_OCTAL_7, type HeaderBlock } from './header-block.ts'
import type { MemberBlocks } from './member-block.ts'
import { isAscii } from '#util'
import { isStrictUtf8, pythonAsciiReplace, pythonNumber, pythonRound } from './python-text.ts'

const EMPTY = '' as ByteString
const BINARY_RECORD = '21 hdrcharset=BINARY\n'

/**
 * The blocks of a member as Python's `tarfile` lays them out: what a field
 * cannot hold goes into a record of an extended header in front. Records that
 * the member brings along stay first, and win over its fields.
 *
 * @see CPython `Lib/tarfile.py`, `TarInfo.create_pax_header`
 */
export function paxBlocks(block: HeaderBlock, taken: ReadonlyMap<string, ByteString> | undefined): MemberBlocks {
  const records = new Map(taken)
  const addText = (key: string, value: ByteString, width: number): void => {
    if (!records.has(key) && (!isAscii(value) || value.length > width)) records.set(key, value)
  }
  addText('path', block.name, 100)
  addText('linkpath', block.linkname, 100)
  addText('uname', block.uname, 32)
  addText('gname', block.gname, 32)
  const addNumber = (key: string, value: number, max: number): number => {
    const rounded = pythonRound(value)
    const fits = rounded >= 0 && rounded <= max
    if ((!fits || rounded !== value) && !records.has(key)) records.set(key, pythonNumber(value) as ByteString)
    return fits ? rounded : 0
  }
  const main: HeaderBlock = {
    ...block,
    name: pythonAsciiReplace(block.name),
    linkname: pythonAsciiReplace(block.linkname),
    uname: pythonAsciiReplace(block.uname),
    gname: pythonAsciiReplace(block.gname),
    uid: addNumber('uid', block.uid, MAX_OCTAL_7),
    gid: addNumber('gid', block.gid, MAX_OCTAL_7),
    size: addNumber('size', block.size, MAX_OCTAL_11),
    mtimeSeconds: addNumber('mtime', block.mtimeSeconds, MAX_OCTAL_11),
  }
  return { extensions: records.size === 0 ? [] : [paxExtension(records)], main }
}

function paxExtension(records: ReadonlyMap<string, ByteString>): MemberBlocks['extensions'][number] {
  const payload = encodeRecords(records)
  const block: HeaderBlock = {
    magic: 'ustar',
    name: '././@PaxHeader' as ByteString,
    mode: 0,
    uid: 0,
    gid: 0,
    size: payload.length,
    mtimeSeconds: 0,
    typeflag: 'x'.charCodeAt(0),
    linkname: EMPTY,
    uname: EMPTY,
    gname: EMPTY,
    device: undefined,
  }
  return { block, payload }
}

function encodeRecords(records: ReadonlyMap<string, ByteString>): ByteString {
  let text = records.values().every(isStrictUtf8) ? '' : BINARY_RECORD
  for (const [key, value] of records) {
    const rest = Buffer.from(key, 'utf8').toString('latin1').length + value.length + 3
    text += `${recordLength(rest)} ${Buffer.from(key, 'utf8').toString('latin1')}=${value}\n`
  }
  return text as ByteString
}

/** The length of a record counts its own digits. */
function recordLength(rest: number): number {
  let length = rest
  while (length !== rest + String(length).length) length = rest + String(length).length
  return length
}
