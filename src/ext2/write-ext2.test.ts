import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeTempDir } from '#util'
import { needs } from '../../test/support/places.ts'
import { writeExt2 } from './index.ts'
import { byteName, checkImage, debugfs, file, type Made, made, ROOT, writeImage } from './test-support.test.ts'

const tools = needs('e2fsck', 'debugfs')
const MIB = 1024 * 1024

test('writeExt2() makes every kind of file as e2fsprogs reads it, owners of 32 bits included', tools, async () => {
  await using temp = await makeTempDir('ext2-')
  const image = join(temp.path, 'image')
  await writeImage(image, [
    made('', { type: 'directory', mode: 0o755, uid: 3, gid: 4 }),
    made('d', { type: 'directory', mode: 0o1777, uid: 1000, gid: 100 }),
    file('d/suid', Buffer.from('#!'), { mode: 0o6755, uid: 4_294_967_294, gid: 70_000, mtimeSeconds: 315_532_800 }),
    made('null', { type: 'char', major: 1, minor: 3, mode: 0o666 }),
    made('far', { type: 'block', major: 300, minor: 70_000 }),
    made('pipe', { type: 'fifo' }),
    made('socket', { type: 'socket' }),
    made('short', { type: 'symlink', target: 'x'.repeat(59), mode: 0o777 }),
    made('long', { type: 'symlink', target: 'y'.repeat(60), mode: 0o777 }),
  ])
  checkImage(image)
  const suid = debugfs(image, 'stat /d/suid')
  assert.match(suid, /Type: regular +Mode: +06755/)
  assert.match(suid, /User: +-?(?:2|4294967294) +Group: +70000 .*Size: 2/)
  assert.match(suid, /mtime: 0x12cea600/)
  assert.match(debugfs(image, 'stat /d'), /Type: directory +Mode: +01777[\s\S]*User: +1000 +Group: +100 /)
  assert.match(debugfs(image, 'stat /'), /User: +3 +Group: +4 /)
  assert.match(debugfs(image, 'stat /null'), /Type: character special[\s\S]*Device major\/minor number: 01:03/)
  assert.match(debugfs(image, 'stat /far'), /Type: block special[\s\S]*Device major\/minor number: 300:70000/)
  assert.match(debugfs(image, 'stat /pipe'), /Type: FIFO/)
  assert.match(debugfs(image, 'stat /socket'), /Type: socket/)
  assert.match(debugfs(image, 'stat /short'), /Fast link dest: "x{59}"/)
  assert.equal(debugfs(image, 'cat /long'), 'y'.repeat(60))
})

test('writeExt2() writes files through all steps of block numbers, and across groups', tools, async () => {
  await using temp = await makeTempDir('ext2-')
  const image = join(temp.path, 'image')
  // Twelve blocks, 1024 more, and then some that need two steps; 130 MiB do not fit into one group.
  const sizes = [1, 4096, 12 * 4096, 12 * 4096 + 1, (12 + 1024) * 4096, (12 + 1024) * 4096 + 1, 130 * MIB + 5]
  const contents = sizes.map((size) => numbered(size))
  await writeImage(image, [ROOT, ...contents.map((content, index) => file(`f${index}`, content))])
  checkImage(image)
  for (const [index, content] of contents.entries()) {
    const out = join(temp.path, 'out')
    debugfs(image, `dump /f${index} ${out}`)
    assert.equal(sha256(readFileSync(out)), sha256(content), `file of ${sizes[index]} bytes`)
  }
})

test('writeExt2() makes an empty disk of the size it is told, of which only tables take room', tools, async () => {
  await using temp = await makeTempDir('ext2-')
  const image = join(temp.path, 'image')
  for (const imageBytes of [MIB, 20 * MIB, 128 * MIB + 4096, 1024 * MIB, 16 * 1024 * MIB] as const) {
    await writeImage(image, [ROOT], { imageBytes })
    checkImage(image)
    const { size, blocks } = statSync(image)
    assert.ok(size <= imageBytes && size > imageBytes * 0.9, `${size} of ${imageBytes}`)
    assert.ok(blocks * 512 < 6 * MIB, `${blocks * 512} bytes for ${imageBytes}`)
    const free = Number(/^Free blocks: +(\d+)$/m.exec(debugfs(image, 'stats -h'))?.[1])
    assert.ok(free * 4096 > imageBytes * 0.65, `${free} free blocks of ${imageBytes}`)
  }
})

test('writeExt2() makes directories of many and long names, and of odd bytes', tools, async () => {
  await using temp = await makeTempDir('ext2-')
  const image = join(temp.path, 'image')
  const names = Array.from({ length: 3000 }, (_, index) => `${index}-${'n'.repeat(index % 250)}`)
  const entries = [...names, '\u00ff\u00fe odd'].map((name) => ({
    ...file('x', Buffer.from(name)),
    path: byteName(name),
  }))
  await writeImage(image, [ROOT, ...entries])
  checkImage(image)
  const listed = debugfs(image, 'ls -p /')
    .split('\n')
    .map((line) => line.split('/')[5])
  assert.deepEqual(
    new Set(listed.filter((name) => name !== undefined)),
    new Set(['.', '..', ...names, '\u00ff\u00fe odd']),
  )
})

test('writeExt2() writes what e2fsck finds nothing wrong with, whatever the tree', tools, async () => {
  await using temp = await makeTempDir('ext2-')
  const image = join(temp.path, 'image')
  const anyTree = fc.array(
    fc.record({ depth: fc.nat(5), size: fc.nat(30_000), isDirectory: fc.boolean(), name: fc.nat(255) }),
  )
  await fc.assert(
    fc.asyncProperty(anyTree, async (shapes) => {
      await writeImage(image, treeOf(shapes))
      checkImage(image)
    }),
    { numRuns: 20 },
  )
})

test('writeExt2() gives the same bytes for the same entries', async () => {
  await using temp = await makeTempDir('ext2-')
  const images = ['a', 'b'].map((name) => join(temp.path, name))
  for (const image of images) await writeImage(image, [ROOT, file('f', Buffer.from('f'))], { imageBytes: 8 * MIB })
  const [a, b] = images.map((image) => sha256(readFileSync(image)))
  assert.equal(a, b)
})

test('writeExt2() refuses what is out of order, does not fit or is not what was said', async () => {
  await using temp = await makeTempDir('ext2-')
  const image = join(temp.path, 'image')
  const refused = async (entries: readonly Made[], code: string, text: RegExp, imageBytes?: number): Promise<void> => {
    const options = imageBytes === undefined ? {} : { imageBytes }
    await assert.rejects(writeImage(image, entries, options), (error: Error & { code?: string }) => {
      assert.equal(error.code, code)
      assert.match(error.message, text)
      return true
    })
  }
  await refused([], 'FORMAT_INVALID', /should have a root$/)
  await refused([file('f', Buffer.alloc(1))], 'FORMAT_INVALID', /first entry should be the root$/)
  await refused([ROOT, file('d/f', Buffer.alloc(1))], 'FORMAT_INVALID', /"d\/f".*directory should come before it$/)
  await refused([ROOT, ROOT], 'FORMAT_INVALID', /should have a name$/)
  await refused([ROOT, made('..', { type: 'directory' })], 'FORMAT_INVALID', /should have a name$/)
  await refused([ROOT, made('f', { type: 'fifo' }), made('f', { type: 'fifo' })], 'FORMAT_INVALID', /there once$/)
  await refused([ROOT, made('f'.repeat(256), { type: 'fifo' })], 'LIMIT_EXCEEDED', /256 bytes, the most is 255$/)
  await refused(
    [ROOT, { ...file('f', Buffer.alloc(5)), size: 6 } as Made],
    'FILE_CHANGED',
    /another size than 6 bytes$/,
  )
  await refused(
    [ROOT, { ...file('f', Buffer.alloc(5)), size: 4 } as Made],
    'FILE_CHANGED',
    /another size than 4 bytes$/,
  )
  await refused([ROOT, file('f', Buffer.alloc(2 * MIB))], 'LIMIT_EXCEEDED', /disk of 1 MiB.*needs \d MiB$/, MIB)
  await refused([ROOT], 'LIMIT_EXCEEDED', /the most is 8388608 MiB$/, 2 ** 44)
})

test('writeExt2() refuses a file whose content does not come', async () => {
  await using temp = await makeTempDir('ext2-')
  const image = join(temp.path, 'image')
  await using out = await open(image, 'w')
  await assert.rejects(
    writeExt2(out, [ROOT, file('f', Buffer.alloc(1))], []),
    /"f" on a disk: its content is not there$/,
  )
})

test('the kernel mounts what writeExt2() makes', { ...needs('mount'), ...onlyRootMounts() }, async () => {
  await using temp = await makeTempDir('ext2-')
  const image = join(temp.path, 'image')
  await writeImage(image, [ROOT, made('d', { type: 'directory', mode: 0o755 }), file('d/f', Buffer.from('content'))])
  const script = 'mount -o loop,ro "$1" /mnt && cat /mnt/d/f && umount /mnt'
  const out = execFileSync('unshare', ['--mount', 'sh', '-c', script, 'sh', image], { encoding: 'utf8' })
  assert.equal(out, 'content')
})

function onlyRootMounts(): { readonly skip: string | false } {
  return { skip: process.getuid?.() === 0 ? false : 'only root can do this' }
}

function treeOf(shapes: readonly { depth: number; size: number; isDirectory: boolean; name: number }[]): Made[] {
  const directories = ['']
  const entries = [ROOT]
  for (const [index, { depth, size, isDirectory, name }] of shapes.entries()) {
    const parent = directories[depth % directories.length] ?? ''
    const path = `${parent}${index}${'n'.repeat(Math.max(0, name - 5))}`
    if (isDirectory) directories.push(`${path}/`)
    entries.push(isDirectory ? made(path, { type: 'directory', mode: 0o700 }) : file(path, numbered(size)))
  }
  return entries
}

/** Bytes that are nowhere the same for long. */
function numbered(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let offset = 0; offset + 4 <= size; offset += 4) bytes.writeUInt32LE(offset, offset)
  return bytes
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
