/** A member of a tar that a test makes. */
export interface MadeMember {
  readonly name: string
  readonly body?: string | Uint8Array
  readonly type?: '0' | '1' | '2' | '3' | '5' | '6'
  readonly link?: string
  readonly mode?: number
  readonly owner?: number
  /** What the header says of the body's size, where it is not the truth. */
  readonly size?: number
}

/** A tar with ustar headers, as it is told: nothing is checked. */
export function makeTar(members: readonly MadeMember[], hasEnd = true): Buffer {
  const parts = members.map(({ name, body = '', type = '0', link = '', mode = 0o644, owner = 0, size }) => {
    const bytes = Buffer.from(body)
    const header = Buffer.alloc(512)
    header.write(name, 0, 100)
    header.write(octal(mode), 100)
    header.write(octal(owner), 108)
    header.write(octal(owner), 116)
    header.write(`${(size ?? bytes.length).toString(8).padStart(11, '0')}\0`, 124)
    header.write('00000000001\0', 136)
    header.write(type, 156)
    header.write(link, 157, 100)
    header.write('ustar\u000000', 257, 'latin1')
    header.fill(' ', 148, 156)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
  })
  return Buffer.concat([...parts, Buffer.alloc(hasEnd ? 1024 : 0)])
}

function octal(value: number): string {
  return `${value.toString(8).padStart(7, '0')}\0`
}
