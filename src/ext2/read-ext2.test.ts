import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { DockerToolsError } from '#errors'
import { makeTempDir } from '#util'
import { needs } from '../../test/support/places.ts'
import { type Ext2Limits, readExt2, type StoredDiskEntry } from './index.ts'
import { byteName, debugfs, file, made, ROOT, writeImage } from './test-support.test.ts'

const MIB = 1024 * 1024
/** The features of our own images, as mke2fs calls them. */
const FEATURES = 'none,ext_attr,dir_index,sparse_super2,filetype,large_file,dir_nlink,extra_isize'

function list(image: string, limits?: Partial<Ext2Limits>): readonly (StoredDiskEntry & { readonly text: string })[] {
  const fd = openSync(image, 'r')
  try {
    return readExt2(fd, byteName('top'), limits)
      .map((entry) => ({ ...entry, text: contentOf(entry).toString('latin1') }))
      .toArray()
  } finally {
    closeSync(fd)
  }
}

function contentOf(entry: StoredDiskEntry): Buffer {
  const chunks: Buffer[] = []
  const buffer = Buffer.alloc(MIB)
  for (let offset = 0, count = 1; count > 0; offset += count) {
    count = entry.readNow(buffer, offset)
    chunks.push(Buffer.from(buffer.subarray(0, count)))
  }
  return Buffer.concat(chunks)
}

test('readExt2() lists what mke2fs has made of a folder', needs('mke2fs', 'debugfs'), async () => {
  await using temp = await makeTempDir('ext2-')
  const [image, tree] = [join(temp.path, 'image'), join(temp.path, 'tree')]
  mkdirSync(join(tree, 'top/sub'), { recursive: true })
  mkdirSync(join(tree, 'other'))
  const large = Buffer.alloc(5 * MIB, 'large')
  writeFileSync(join(tree, 'top/large'), large)
  writeFileSync(join(tree, 'top/sub/suid'), 'x')
  chmodSync(join(tree, 'top/sub/suid'), 0o4711)
  chmodSync(join(tree, 'top'), 0o755)
  chmodSync(join(tree, 'top/sub'), 0o1750)
  writeFileSync(join(tree, 'top/holes'), 'begin')
  truncateSync(join(tree, 'top/holes'), 5 * MIB)
  symlinkSync('sub/suid', join(tree, 'top/short'))
  symlinkSync('l'.repeat(200), join(tree, 'top/long'))
  execFileSync('mke2fs', ['-q', '-t', 'ext2', '-b', '4096', '-I', '256', '-O', FEATURES, '-d', tree, image, '64M'])
  execFileSync('debugfs', ['-w', '-R', 'ea_set /top/sub trusted.overlay.opaque y', image], { stdio: 'ignore' })
  const entries = list(image)
  assert.deepEqual(
    entries.map(({ path, type, mode }) => [path, type, mode.toString(8)]),
    [
      ['', 'directory', '755'],
      ['holes', 'file', '644'],
      ['large', 'file', '644'],
      ['long', 'symlink', '777'],
      ['short', 'symlink', '777'],
      ['sub', 'directory', '1750'],
      ['sub/suid', 'file', '4711'],
    ],
  )
  const [, holes, big, long, short, sub] = entries
  assert.equal(holes?.text, `begin${'\0'.repeat(5 * MIB - 5)}`)
  assert.equal(big?.text, large.toString('latin1'))
  assert.equal(long?.type === 'symlink' && long.target, 'l'.repeat(200))
  assert.equal(short?.type === 'symlink' && short.target, 'sub/suid')
  assert.equal(sub?.uid, process.getuid?.())
})

test('readExt2() gives extended attributes from inodes and from blocks of their own', needs('debugfs'), async () => {
  await using temp = await makeTempDir('ext2-')
  const image = join(temp.path, 'image')
  const folder = (path: string): ReturnType<typeof made> => made(path, { type: 'directory', mode: 0o755 })
  await writeImage(image, [ROOT, folder('top'), folder('top/inside'), folder('top/outside'), folder('top/none')], {
    imageBytes: 8 * MIB,
  })
  const set = (path: string, name: string, value: string): void => {
    execFileSync('debugfs', ['-w', '-R', `ea_set ${path} ${name} ${value}`, image], { stdio: 'ignore' })
  }
  set('/top/inside', 'trusted.overlay.opaque', 'y')
  // Longer than the room in an inode, so that what comes behind it goes to a block.
  set('/top/outside', 'trusted.overlay.origin', 'o'.repeat(60))
  set('/top/outside', 'trusted.overlay.redirect', 'r'.repeat(60))
  set('/top/outside', 'trusted.overlay.opaque', 'y')
  set('/top/none', 'user.overlay.opaque', 'y')
  fsck(image)
  const fd = openSync(image, 'r')
  const attributes = readExt2(fd, byteName('top'))
    .map(({ path, trustedAttribute }) => [path, trustedAttribute('overlay.opaque')?.toString() ?? ''])
    .toArray()
  closeSync(fd)
  assert.deepEqual(attributes, [
    ['', ''],
    ['inside', 'y'],
    ['none', ''],
    ['outside', 'y'],
  ])
})

test('readExt2() gives back what writeExt2() was given', async () => {
  await using temp = await makeTempDir('ext2-')
  const image = join(temp.path, 'image')
  const given = [
    made('top', { type: 'directory', mode: 0o2755, uid: 1, gid: 2 }),
    file('top/a', Buffer.alloc(5 * MIB, 'abc'), { mode: 0o4755, uid: 4_294_967_294, gid: 65_536 }),
    made('top/a-b', { type: 'char', major: 1, minor: 300 }),
    made('top/b', { type: 'block', major: 255, minor: 255 }),
    made('top/c', { type: 'symlink', target: 'z'.repeat(4095), mode: 0o777 }),
    made('top/d', { type: 'fifo' }),
    made('top/e', { type: 'char', major: 0, minor: 0 }),
  ]
  await writeImage(image, [ROOT, ...given])
  const read = list(image)
  for (const [index, { content: _, ...entry }] of given.entries()) {
    const { readNow: _1, trustedAttribute: _2, text: _3, ...back } = read[index] as (typeof read)[number]
    assert.deepEqual(back, { ...entry, path: entry.path.slice(4) })
  }
  assert.equal(read[1]?.text, Buffer.alloc(5 * MIB, 'abc').toString('latin1'))
})

test('readExt2() ends with one clear error or a list, whichever bytes of the tables are changed', async () => {
  await using temp = await makeTempDir('ext2-')
  const image = join(temp.path, 'image')
  const folder = made('top/d', { type: 'directory', mode: 0o755 })
  const files = Array.from({ length: 40 }, (_, index) => file(`top/d/${index}`, Buffer.alloc(index * 1500, 'x')))
  await writeImage(image, [ROOT, made('top', { type: 'directory', mode: 0o755 }), folder, ...files])
  const whole = readFileSync(image)
  const inUse = whole.findLastIndex((byte) => byte !== 0) + 1
  const change = fc.record({ offset: fc.oneof(fc.nat(20 * 4096), fc.nat(inUse)), byte: fc.nat(255) })
  let errors = 0
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
      const broken = Buffer.from(whole)
      for (const { offset, byte } of changes) broken[offset] = byte
      writeFileSync(image, broken)
      try {
        list(image, { maxContentBytes: 64 * MIB })
      } catch (error) {
        assert.ok(error instanceof DockerToolsError, String(error))
        errors++
      }
    }),
    { numRuns: Number(process.env['DOCKERTOOLS_FUZZ_RUNS'] ?? 60), seed: 5 },
  )
  assert.ok(errors > 0)
})

test('readExt2() refuses circles, blocks that are not there, odd names and limits that are passed', async () => {
  await using temp = await makeTempDir('ext2-')
  const image = join(temp.path, 'image')
  const entries = [
    ROOT,
    made('top', { type: 'directory', mode: 0o755 }),
    made('top/d', { type: 'directory', mode: 0o755 }),
    file('top/f', Buffer.alloc(100)),
  ]
  const refused = async (spoil: (bytes: Buffer) => void, text: RegExp, limits?: Partial<Ext2Limits>): Promise<void> => {
    await writeImage(image, entries)
    const bytes = readFileSync(image)
    spoil(bytes)
    writeFileSync(image, bytes)
    assert.throws(() => list(image, limits), text)
  }
  const keep = (): void => undefined
  // One group: the inodes begin behind the superblock, the descriptors and two bitmaps; `top` is the 11th, `d` the 12th.
  const inode = (number: number): number => 4 * 4096 + (number - 1) * 256
  const block = (bytes: Buffer, number: number): number => bytes.readUInt32LE(inode(number) + 0x28) * 4096
  const place = (bytes: Buffer, number: number, name: string): number =>
    bytes.indexOf(name, block(bytes, number), 'latin1')
  await refused((bytes) => bytes.writeUInt32LE(11, place(bytes, 11, 'd') - 8), /a directory is in two places$/)
  await refused((bytes) => bytes.writeUInt32LE(900_000, place(bytes, 11, 'f') - 8), /there is no inode 900000$/)
  await refused((bytes) => bytes.writeUInt32LE(900_000, inode(13) + 0x28), /there is no block 900000$/)
  await refused((bytes) => bytes.write('/', place(bytes, 11, 'f')), /has the name "\/"$/)
  await refused((bytes) => bytes.write('d', place(bytes, 11, 'f')), /has a name twice$/)
  await refused((bytes) => bytes.writeUInt16LE(5, place(bytes, 11, 'f') - 4), /a broken record$/)
  await refused((bytes) => bytes.writeUInt16LE(0o10_0644, inode(2)), /root should be a directory$/)
  await refused((bytes) => bytes.writeUInt16LE(0o17_0644, inode(13)), /no known type$/)
  await refused((bytes) => bytes.writeUInt32LE(0x80000, inode(13) + 0x20), /stored in another way$/)
  await refused((bytes) => bytes.writeUInt32LE(2 ** 31, inode(13) + 0x6c), /a file has \d+ bytes$/)
  await refused((bytes) => bytes.writeUInt32LE(2 ** 20, inode(13) + 0x6c), /maxContentBytes is 68719476736$/)
  await refused((bytes) => bytes.fill(0, 1024, 2048), /should have an ext2 file system$/)
  await refused((bytes) => bytes.writeUInt32LE(0x42, 1024 + 0x60), /another shape/)
  await refused(keep, /maxEntries is 2$/, { maxEntries: 2 })
  await refused(keep, /maxPathBytes is 0$/, { maxPathBytes: 0 })
  await writeImage(image, [ROOT])
  assert.throws(() => list(image), /should have the folder "top"$/)
  truncateSync(image, 4096)
  assert.throws(() => list(image), /and the file fewer$/)
})

function fsck(image: string): void {
  assert.match(debugfs(image, 'ea_get /top/inside trusted.overlay.opaque'), /"?y"?/)
}
