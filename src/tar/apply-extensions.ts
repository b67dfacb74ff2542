import type { ByteString } from '#util'
import type { DecodedBlock } from './decode-block.ts'
import { tarError } from './tar-error.ts'
import type { TarHeader, MemberKind } from './tar-header.ts'

/** What headers in front of a member say of it. */
export interface Extensions {
  readonly records: ReadonlyMap<string, ByteString>
  readonly longName: ByteString | undefined
  readonly longLink: ByteString | undefined
}

/**
 * The header of a member: its block, overridden by what came in front of it.
 *
 * @param offset Of the block, for messages.
 * @throws {DockerToolsError} `FORMAT_INVALID` if a record is not of its type, or
 *   two headers disagree; `FORMAT_UNSUPPORTED` for sparse files and unknown types.
 */
export function applyExtensions(block: DecodedBlock, extensions: Extensions, offset: number): TarHeader {
  const { records } = extensions
  refuseSparse(block, records, offset)
  const number = (key: string, stored: number, form: RegExp): number => {
    const value = records.get(key)
    // An empty value takes back what a global record says.
    if (value === undefined || value === '') return stored
    const parsed = form.test(value) ? Number(value) : Number.NaN
    if (Math.abs(parsed) <= Number.MAX_SAFE_INTEGER) return parsed
    throw tarError(
      'FORMAT_INVALID',
      offset,
      `the extended record ${key} is ${JSON.stringify(value)}, it should be a number`,
    )
  }
  const path = agreed(records.get('path'), extensions.longName, 'names', offset) ?? block.name
  if (path === '') throw tarError('FORMAT_INVALID', offset, 'the name of a member is empty')
  const target = agreed(records.get('linkpath'), extensions.longLink, 'link targets', offset) ?? block.linkname
  const size = number('size', block.size, /^\d+$/)
  return {
    path,
    mode: block.mode & 0o7777,
    uid: number('uid', block.uid, /^-?\d+$/),
    gid: number('gid', block.gid, /^-?\d+$/),
    uname: nonEmpty(records.get('uname')) ?? block.uname,
    gname: nonEmpty(records.get('gname')) ?? block.gname,
    mtimeSeconds: number('mtime', block.mtimeSeconds, /^-?\d+(\.\d*)?$/),
    ...(records.size === 0 ? {} : { paxRecords: records }),
    ...kindOf(block, path, target, size, offset),
  }
}

function kindOf(block: DecodedBlock, path: ByteString, target: ByteString, size: number, offset: number): MemberKind {
  switch (block.typeflag) {
    case '\0':
      // Before POSIX, directories were told by their slash.
      return path.endsWith('/') ? { type: 'directory' } : { type: 'file', size }
    case '0':
    case '7':
      return { type: 'file', size }
    case '1':
      return { type: 'hardlink', target }
    case '2':
      return { type: 'symlink', target }
    case '3':
      return { type: 'char', major: block.major, minor: block.minor }
    case '4':
      return { type: 'block', major: block.major, minor: block.minor }
    case '5':
      return { type: 'directory' }
    case '6':
      return { type: 'fifo' }
    default: {
      const type = UNSUPPORTED[block.typeflag] ?? `a member of the unknown type ${JSON.stringify(block.typeflag)}`
      throw tarError('FORMAT_UNSUPPORTED', offset, `there is ${type}, which is not supported`)
    }
  }
}

const UNSUPPORTED: Readonly<Record<string, string>> = {
  S: 'an old GNU sparse file',
  D: 'a GNU incremental directory',
  M: 'a part of a GNU multi-volume file',
  V: 'a GNU volume label',
}

/** The size of a sparse file is not that of its body, and its records are all that says so. */
function refuseSparse(block: DecodedBlock, records: ReadonlyMap<string, ByteString>, offset: number): void {
  for (const key of records.keys()) {
    if (!key.startsWith('GNU.sparse.') && key !== 'SCHILY.realsize') continue
    const hint = `a sparse file of the PAX kind (${JSON.stringify(key)})`
    throw tarError(
      'FORMAT_UNSUPPORTED',
      offset,
      `there is ${hint}, which is not supported: ${JSON.stringify(block.name)}`,
    )
  }
}

/** Readers differ in which one wins, so there has to be one only. */
function agreed(
  record: ByteString | undefined,
  long: ByteString | undefined,
  what: string,
  offset: number,
): ByteString | undefined {
  const pax = nonEmpty(record)
  if (pax !== undefined && long !== undefined && pax !== long) {
    throw tarError(
      'FORMAT_INVALID',
      offset,
      `a member has two ${what} that differ, one in a PAX and one in a GNU header`,
    )
  }
  return pax ?? long
}

function nonEmpty(value: ByteString | undefined): ByteString | undefined {
  return value === '' ? undefined : value
}
