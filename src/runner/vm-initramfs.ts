import { type ByteString, byteStringToBytes } from '#util'

/** A file of the memory that a guest starts from. Owned by root, from 1970. */
export type InitramfsEntry = { readonly path: ByteString; readonly mode: number } & (
  | { readonly type: 'directory' }
  | { readonly type: 'file'; readonly content: Uint8Array }
  | { readonly type: 'symlink'; readonly target: ByteString }
  | { readonly type: 'char'; readonly major: number; readonly minor: number }
)

const MAGIC = '070701'
const ALIGNMENT = 4
const TRAILER = 'TRAILER!!!' as ByteString
const TYPE_BITS = { directory: 0o040000, file: 0o100000, symlink: 0o120000, char: 0o020000 } as const

/**
 * An archive as the kernel unpacks it at its start: cpio, "new ASCII".
 *
 * @see https://docs.kernel.org/driver-api/early-userspace/buffer-format.html
 */
export function encodeInitramfs(entries: readonly InitramfsEntry[]): Buffer {
  const members = entries.map((entry, index) => {
    const content = contentOf(entry)
    const device = entry.type === 'char' ? [entry.major, entry.minor] : [0, 0]
    return member(entry.path, TYPE_BITS[entry.type] + entry.mode, index + 1, content, device)
  })
  return Buffer.concat([...members, member(TRAILER, 0, 0, new Uint8Array(), [0, 0])])
}

function contentOf(entry: InitramfsEntry): Uint8Array {
  if (entry.type === 'file') return entry.content
  return entry.type === 'symlink' ? byteStringToBytes(entry.target) : new Uint8Array()
}

function member(path: ByteString, mode: number, inode: number, content: Uint8Array, device: readonly number[]): Buffer {
  const links = 1
  const [uid, gid, mtime, major, minor, checksum] = [0, 0, 0, 0, 0, 0]
  const numbers = [
    inode,
    mode,
    uid,
    gid,
    links,
    mtime,
    content.length,
    major,
    minor,
    ...device,
    path.length + 1,
    checksum,
  ]
  const fields = numbers.map((value) => value.toString(16).padStart(8, '0')).join('')
  const head = Buffer.from(`${MAGIC}${fields}${path}\0`, 'latin1')
  return Buffer.concat([head, padding(head.length), content, padding(content.length)])
}

function padding(length: number): Buffer {
  return Buffer.alloc((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT)
}
