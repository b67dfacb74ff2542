import type { ByteString } from '#util'
import type { HeaderBlock } from './header-block.ts'
import type { MemberBlocks } from './member-block.ts'

const EMPTY = '' as ByteString
const FIELD_BYTES = 100
/** GNU tar always ends owner names with a NUL. */
const OWNER_BYTES = 31

/**
 * The blocks of a member as GNU tar lays them out: a name or link target of
 * more than 100 bytes is a member of its own in front (link target first), and
 * cut in the main header.
 *
 * @see GNU tar `src/create.c`, `write_gnu_long_link`
 */
export function gnuBlocks(block: HeaderBlock, numericOwner: boolean): MemberBlocks {
  const extensions: MemberBlocks['extensions'][number][] = []
  if (block.linkname.length > FIELD_BYTES) extensions.push(longText('K', block.linkname, numericOwner))
  if (block.name.length > FIELD_BYTES) extensions.push(longText('L', block.name, numericOwner))
  return {
    extensions,
    main: { ...block, uname: cut(block.uname, OWNER_BYTES), gname: cut(block.gname, OWNER_BYTES) },
  }
}

function cut(text: ByteString, bytes: number): ByteString {
  return text.slice(0, bytes) as ByteString
}

function longText(typeflag: 'K' | 'L', text: ByteString, numericOwner: boolean): MemberBlocks['extensions'][number] {
  const payload = `${text}\0` as ByteString
  // GNU tar gives these headers user and group 0 of the machine, which are called root on every one that matters.
  const owner = numericOwner ? EMPTY : ('root' as ByteString)
  const block: HeaderBlock = {
    magic: 'gnu',
    name: '././@LongLink' as ByteString,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: payload.length,
    mtimeSeconds: 0,
    typeflag: typeflag.charCodeAt(0),
    linkname: EMPTY,
    uname: owner,
    gname: owner,
    device: undefined,
  }
  return { block, payload }
}
