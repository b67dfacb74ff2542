import { TAR_BLOCK_BYTES } from '#tar'

/** A member of an archive as skopeo writes it: no owner, no time, names of ASCII characters. */
export type GoTarMember =
  | { readonly type: 'file'; readonly path: string; readonly size: number }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }

/** Eleven octal digits: 8 GiB is the first size that does not fit. */
const MAX_USTAR_SIZE = 8 ** 11 - 1

/**
 * The blocks before a member's body, as Go's `archive/tar` makes them for skopeo: like ustar, with the numbers of a
 * device on files too, and a PAX header where the size needs one.
 *
 * @see Go's `src/archive/tar/writer.go`, `writePAXHeader` and `templateV7Plus`
 */
export function goTarHeader(member: GoTarMember): Uint8Array {
  if (member.type === 'symlink') return headerBlock({ ...member, mode: 0, size: 0, type: '2' })
  if (member.size <= MAX_USTAR_SIZE) return headerBlock({ ...member, mode: 0o444, target: '', type: '0' })
  const record = paxRecord('size', `${member.size}`)
  const body = Buffer.alloc(TAR_BLOCK_BYTES)
  body.write(record, 'latin1')
  return Buffer.concat([
    headerBlock({ path: `PaxHeaders.0/${member.path}`, mode: 0, size: record.length, target: '', type: 'x' }),
    body,
    headerBlock({ ...member, size: 0, mode: 0o444, target: '', type: '0' }),
  ])
}

interface Block {
  readonly path: string
  readonly mode: number
  readonly size: number
  readonly target: string
  readonly type: '0' | '2' | 'x'
}

function headerBlock({ path, mode, size, target, type }: Block): Uint8Array {
  const block = Buffer.alloc(TAR_BLOCK_BYTES)
  const octal = (value: number, digits: number, offset: number): void => {
    block.write(value.toString(8).padStart(digits, '0'), offset, 'latin1')
  }
  block.write(path, 0, 100, 'latin1')
  octal(mode, 7, 100)
  octal(0, 7, 108)
  octal(0, 7, 116)
  octal(size, 11, 124)
  octal(0, 11, 136)
  block.write(type, 156, 'latin1')
  block.write(target, 157, 100, 'latin1')
  block.write('ustar\u000000', 257, 'latin1')
  if (type !== 'x') {
    octal(0, 7, 329)
    octal(0, 7, 337)
  }
  // The sum is taken with spaces in its own place.
  block.fill(' ', 148, 156)
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    6,
    148,
  )
  block[154] = 0
  return block
}

/** The number at its start counts itself. */
function paxRecord(name: string, value: string): string {
  const rest = ` ${name}=${value}\n`
  let length = rest.length
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length
  return `${length}${rest}`
}
