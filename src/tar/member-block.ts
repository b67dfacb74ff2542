import type { ByteString } from '#util'
import type { HeaderBlock } from './header-block.ts'
import type { TarDialect, TarHeader } from './tar-header.ts'

/** All blocks before a member's body: headers with a payload of their own, then the main one. */
export interface MemberBlocks {
  readonly extensions: readonly { readonly block: HeaderBlock; readonly payload: ByteString }[]
  readonly main: HeaderBlock
}

const EMPTY = '' as ByteString
const TYPEFLAGS: Readonly<Record<TarHeader['type'], number>> = {
  file: 0x30,
  hardlink: 0x31,
  symlink: 0x32,
  char: 0x33,
  block: 0x34,
  directory: 0x35,
  fifo: 0x36,
}

/** The main header block of a member, before it is looked at whether each value fits its field. */
export function memberBlock(header: TarHeader, dialect: TarDialect): HeaderBlock {
  return {
    magic: dialect === 'pax' ? 'ustar' : 'gnu',
    name: header.type === 'directory' && !header.path.endsWith('/') ? (`${header.path}/` as ByteString) : header.path,
    mode: header.mode,
    uid: header.uid,
    gid: header.gid,
    size: header.type === 'file' ? header.size : 0,
    mtimeSeconds: header.mtimeSeconds,
    typeflag: TYPEFLAGS[header.type],
    linkname: header.type === 'symlink' || header.type === 'hardlink' ? header.target : EMPTY,
    uname: dialect === 'gnu-numeric' ? EMPTY : header.uname,
    gname: dialect === 'gnu-numeric' ? EMPTY : header.gname,
    device: header.type === 'char' || header.type === 'block' ? header : undefined,
  }
}
