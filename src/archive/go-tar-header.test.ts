import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goTarHeader } from './go-tar-header.ts'

/** The fields of a block as text, NUL shown as a dot. */
function fields(block: Uint8Array): Readonly<Record<string, string>> {
  const text = Buffer.from(block).toString('latin1').replaceAll('\0', '.')
  const names = { name: 0, mode: 100, uid: 108, gid: 116, size: 124, mtime: 136, sum: 148, type: 156, link: 157 }
  const more = { magic: 257, uname: 265, gname: 297, major: 329, minor: 337, prefix: 345 }
  const offsets = Object.entries({ ...names, ...more, end: 512 })
  return Object.fromEntries(
    offsets
      .slice(0, -1)
      .map(([name, start], index) => [name, text.slice(start, offsets[index + 1]![1]).replace(/(?<=.)\.+$/, '.')]),
  )
}

/** The sum of a block with spaces where the sum stands. */
function sumOf(block: Uint8Array): number {
  return block.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 32 : byte), 0)
}

test('a file of 8 GiB less a byte fits', () => {
  const header = goTarHeader({ type: 'file', path: 'x.tar', size: 8_589_934_591 })
  assert.equal(header.length, 512)
  assert.equal(fields(header)['size'], '77777777777.')
  assert.equal(fields(header)['mode'], '0000444.')
  assert.equal(fields(header)['major'], '0000000.')
  assert.equal(fields(header)['sum'], `${sumOf(header).toString(8).padStart(6, '0')}. `)
})

// As skopeo 1.9.3 wrote it for a sparse layer.
test('a larger file has a PAX header before it, and no size in its own', () => {
  const header = goTarHeader({ type: 'file', path: 'x.tar', size: 8_700_000_000 })
  assert.equal(header.length, 3 * 512)
  const [pax, own] = [fields(header.subarray(0, 512)), fields(header.subarray(1024))]
  assert.equal(pax['name'], 'PaxHeaders.0/x.tar.')
  assert.deepEqual(
    [pax['type'], pax['mode'], pax['mtime'], pax['size']],
    ['x', '0000000.', '00000000000.', '00000000023.'],
  )
  assert.equal(pax['magic'], 'ustar.00')
  assert.equal(Buffer.from(header.subarray(512, 512 + 19)).toString(), '19 size=8700000000\n')
  assert.deepEqual([own['name'], own['type'], own['size'], own['mode']], ['x.tar.', '0', '00000000000.', '0000444.'])
})
