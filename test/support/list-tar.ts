import { createHash } from 'node:crypto'

/** What a name or text is in a listing: text, or hexadecimal where it is no UTF-8. */
type ListedText = string | { readonly hex: string }

/** A member of a tar as the golden listings have it; `golden/README.md` tells the fields. */
export interface TarRow {
  readonly name: ListedText
  readonly type: string
  readonly mode: string
  readonly uid: number
  readonly gid: number
  readonly uname: ListedText
  readonly gname: ListedText
  readonly size: number
  readonly mtime: number
  readonly link?: ListedText
  readonly dev?: readonly [number, number]
  readonly fmt: string
  readonly prefixLen?: number
  readonly pax?: Readonly<Record<string, ListedText>>
  readonly paxHeaderName?: string
  readonly ext?: string
  readonly sha256?: string
}

/** A member with its bytes. */
export interface TarMemberBytes {
  readonly row: TarRow
  /** Where its header stands: the last one, behind extensions. */
  readonly headerOffset: number
  readonly body: Buffer
}

/** How a tar ends. */
export interface TarListing {
  readonly members: readonly TarMemberBytes[]
  /** Whether two blocks of zeros stand behind the last member. */
  readonly hasEndMarker: boolean
}

/**
 * Lists a tar. Written for the tests alone, so that it can be held against the
 * reader and the writer of the package: it trusts its input.
 */
export function listTar(tar: Buffer): TarListing {
  const members: TarMemberBytes[] = []
  let extensions: Extensions = {}
  let offset = 0
  for (; offset + 512 <= tar.length && tar[offset] !== 0;) {
    const header = tar.subarray(offset, offset + 512)
    const type = header.toString('latin1', 156, 157)
    const size = numberField(header, 124, 12)
    const realSize = type === 'x' || type === 'L' || type === 'K' ? size : Number(extensions.pax?.get('size') ?? size)
    const body = tar.subarray(offset + 512, offset + 512 + realSize)
    if (type === 'x') {
      extensions = { ...extensions, pax: paxRecords(body), paxName: textField(header, 0, 100).toString(), ext: 'x' }
    } else if (type === 'L' || type === 'K') {
      const text = body.subarray(0, -1)
      extensions = { ...extensions, [type]: text, ext: `${extensions.ext ?? ''}${type}` }
    } else {
      members.push({ row: rowOf(header, type, realSize, extensions, body), headerOffset: offset, body })
      extensions = {}
    }
    offset += 512 + Math.ceil(realSize / 512) * 512
  }
  const rest = tar.subarray(offset)
  return { members, hasEndMarker: rest.length >= 1024 && rest.every((byte) => byte === 0) }
}

/** A listing as text, one JSON object a line with sorted keys, as its digest is taken over. */
export function listingText(rows: readonly TarRow[]): string {
  return rows.map((row) => `${JSON.stringify(sortedKeys(row))}\n`).join('')
}

/** The only member of this name. */
export function memberNamed(listing: TarListing, name: string): TarMemberBytes {
  const found = listing.members.find((member) => member.row.name === name)
  if (found === undefined) throw new Error(`there is no member ${name}`)
  return found
}

interface Extensions {
  readonly pax?: ReadonlyMap<string, Buffer>
  readonly paxName?: string
  readonly L?: Buffer
  readonly K?: Buffer
  readonly ext?: string
}

function rowOf(header: Buffer, type: string, size: number, extensions: Extensions, body: Buffer): TarRow {
  const { pax } = extensions
  const text = (offset: number, length: number, key: string, long?: Buffer): ListedText =>
    listed(pax?.get(key) ?? long ?? textField(header, offset, length))
  const number = (offset: number, length: number, key: string): number =>
    Number(pax?.get(key) ?? numberField(header, offset, length))
  const isGnu = header.toString('latin1', 257, 264) === 'ustar  '
  const prefixLength = isGnu ? 0 : textField(header, 345, 155).length
  return {
    name: text(0, 100, 'path', extensions.L),
    type,
    mode: numberField(header, 100, 8).toString(8).padStart(4, '0'),
    uid: number(108, 8, 'uid'),
    gid: number(116, 8, 'gid'),
    uname: text(265, 32, 'uname'),
    gname: text(297, 32, 'gname'),
    size,
    mtime: number(136, 12, 'mtime'),
    ...(type === '2' || type === '1' ? { link: text(157, 100, 'linkpath', extensions.K) } : {}),
    ...(type === '3' || type === '4'
      ? { dev: [numberField(header, 329, 8), numberField(header, 337, 8)] as const }
      : {}),
    fmt: isGnu ? 'gnu' : 'ustar',
    ...(prefixLength > 0 ? { prefixLen: prefixLength } : {}),
    ...(pax === undefined
      ? {}
      : {
          pax: Object.fromEntries([...pax].map(([key, value]) => [key, listed(value)])),
          paxHeaderName: extensions.paxName ?? '',
        }),
    ...(extensions.ext === undefined ? {} : { ext: extensions.ext }),
    ...(type === '0' ? { sha256: createHash('sha256').update(body).digest('hex') } : {}),
  }
}

function textField(header: Buffer, offset: number, length: number): Buffer {
  const field = header.subarray(offset, offset + length)
  const end = field.indexOf(0)
  return end === -1 ? field : field.subarray(0, end)
}

function numberField(header: Buffer, offset: number, length: number): number {
  const field = header.subarray(offset, offset + length)
  if (((field[0] ?? 0) & 0x80) !== 0) return Number(BigInt(`0x${field.subarray(1).toString('hex')}`))
  return Number.parseInt(field.toString('latin1').replaceAll('\0', ' ').trim() || '0', 8)
}

function paxRecords(body: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>()
  for (let offset = 0; offset < body.length;) {
    const space = body.indexOf(0x20, offset)
    const length = Number(body.toString('latin1', offset, space))
    const record = body.subarray(space + 1, offset + length - 1)
    const equals = record.indexOf(0x3d)
    records.set(record.toString('utf8', 0, equals), record.subarray(equals + 1))
    offset += length
  }
  return records
}

function listed(bytes: Buffer): ListedText {
  const text = bytes.toString('utf8')
  return Buffer.from(text, 'utf8').equals(bytes) ? text : { hex: bytes.toString('hex') }
}

function sortedKeys(value: object): object {
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [key, typeof item === 'object' && !Array.isArray(item) ? sortedKeys(item as object) : item])
      .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  ) as object
}
