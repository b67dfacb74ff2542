/** What fakeroot pretends of a file. */
export interface FakedFile {
  /** With the file type. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** As the system packs the two numbers of a device. */
  readonly rdev: number
}

/** A line of fakeroot's save file; the first two are hexadecimal, the mode is octal. */
const LINE = /^dev=([0-9a-f]+),ino=(\d+),mode=([0-7]+),uid=(\d+),gid=(\d+),nlink=\d+,rdev=(\d+)$/

/**
 * Reads what `fakeroot -s FILE` has saved: one line a file that it pretends
 * something of. Others belong to who looks at them: root.
 *
 * @returns By `deviceAndInode`.
 */
export function parseFakerootState(text: string): Map<string, FakedFile> {
  const files = new Map<string, FakedFile>()
  for (const line of text.split('\n')) {
    const [, device = '', inode = '', mode = '', uid = '', gid = '', rdev = ''] = LINE.exec(line) ?? []
    if (inode === '') continue
    const file = { mode: Number.parseInt(mode, 8), uid: Number(uid), gid: Number(gid), rdev: Number(rdev) }
    files.set(deviceAndInode(BigInt(`0x${device}`), inode), file)
  }
  return files
}

/** The key of a file on disk. */
export function deviceAndInode(device: bigint | number, inode: string | number): string {
  return `${device} ${inode}`
}
