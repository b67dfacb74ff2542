import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as fc from 'fast-check'
import { readTar } from '#tar'
import { type ByteString, byteStringToBytes, makeTempDir, toByteString } from '#util'
import { scanTree, type ScannedEntry } from './scan-tree.ts'

const pythonSkip = spawnSync('python3', ['--version']).status === 0 ? false : 'the program python3 is not there'
const tarSkip = spawnSync('tar', ['--version']).stdout?.includes('GNU tar') ? false : 'GNU tar is not there'

/** Names that orders differ in: `-` and `.` against the slash, beyond the BMP, private use, and no UTF-8. */
const NAMES = [
  'a',
  'a-b',
  'a.b',
  'B',
  '_',
  'é',
  '\u{e000}',
  '\u{fffd}',
  '\u{ffff}',
  '😀',
  '\u{10ffff}',
  '\ud7ff',
  'a\nb',
  '~',
]
  .map((name) => toByteString(name))
  .concat(['\xff', '\x80', '\xc0\xaf', 'a\xfe', '\xed\xa0\x80', '\xf0\x9f\x98', '\xee\x80'] as ByteString[])

function createNames(root: string): void {
  const lists = fc.sample(fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 8 }), { numRuns: 6, seed: 7 })
  const directories: ByteString[] = [toByteString(root)]
  for (const list of lists) {
    const parent = directories.pop()
    for (const [index, name] of list.entries()) {
      const path = `${parent}/${name}` as ByteString
      if (index % 3 === 0) {
        mkdirSync(byteStringToBytes(path))
        directories.push(path)
      } else writeFileSync(byteStringToBytes(path), '')
    }
  }
}

function pathsOf(entries: Iterable<ScannedEntry>): string[] {
  return [...entries].map((entry) => entry.path)
}

function scan(root: string): ScannedEntry[] {
  return [...scanTree(toByteString(root), { order: 'bytes' })]
}

test("scanTree() in pathlib order lists what Python's sorted(rglob) does", { skip: pythonSkip }, async () => {
  await using directory = await makeTempDir('scan-')
  createNames(directory.path)
  const program = `
import os, pathlib, sys
root = pathlib.Path(sys.argv[1])
for path in sorted([root, *root.rglob('*')]):
    sys.stdout.buffer.write(os.fsencode(path.relative_to(root)) + b'\\0')`
  const python = spawnSync('python3', ['-X', 'utf8', '-c', program, directory.path])
  const expected = python.stdout.toString('latin1').split('\0').slice(0, -1)
  assert.ok(expected.length > 50)
  const paths = pathsOf(scanTree(toByteString(directory.path), { order: 'pathlib' }))
  assert.deepEqual(
    paths,
    expected.map((path) => (path === '.' ? '' : path)),
  )
  assert.notDeepEqual(paths, pathsOf(scan(directory.path)), 'the names do not tell the orders apart')
})

test('scanTree() in byte order lists what GNU tar --sort=name does', { skip: tarSkip }, async () => {
  await using directory = await makeTempDir('scan-')
  createNames(directory.path)
  const tar = spawnSync('tar', ['--sort=name', '-cf', '-', '.'], {
    cwd: directory.path,
    env: { LC_ALL: 'C', PATH: process.env['PATH'] },
  })
  const expected: string[] = []
  for await (const member of readTar(single(tar.stdout))) expected.push(member.header.path.slice(2).replace(/\/$/, ''))
  assert.deepEqual(pathsOf(scan(directory.path)), expected)
})

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

test('scanTree() tells every kind of file, and does not follow symlinks', async () => {
  await using directory = await makeTempDir('scan-')
  const root = directory.path
  writeFileSync(`${root}/file`, 'abc')
  chmodSync(`${root}/file`, 0o6711)
  mkdirSync(`${root}/sub`)
  symlinkSync('sub', `${root}/link`)
  symlinkSync(Buffer.of(0xff), `${root}/odd`)
  assert.equal(spawnSync('mkfifo', [`${root}/pipe`]).status, 0)
  const server = createServer().listen(`${root}/socket`)
  await once(server, 'listening')
  const entries = scan(root)
  server.close()
  const kinds = entries.map((entry) => [entry.path, entry.type, entry.type === 'symlink' ? entry.target : undefined])
  assert.deepEqual(kinds, [
    ['', 'directory', undefined],
    ['file', 'file', undefined],
    ['link', 'symlink', 'sub'],
    ['odd', 'symlink', '\xff'],
    ['pipe', 'fifo', undefined],
    ['socket', 'socket', undefined],
    ['sub', 'directory', undefined],
  ])
  const file = entries[1]
  assert.deepEqual([file?.mode, file?.size, file?.nlink], [0o6711, 3, 1])
})

test(
  'scanTree() splits the numbers of devices as the system does',
  { skip: process.getuid?.() === 0 ? false : 'only root can make devices' },
  async (t) => {
    await using directory = await makeTempDir('scan-')
    const devices = [
      ['c', 1, 3],
      ['b', 4095, 1048575],
      ['c', 257, 256],
      ['b', 0, 65536],
    ] as const
    for (const [index, [type, major, minor]] of devices.entries()) {
      const made = spawnSync('mknod', [`${directory.path}/${index}`, type, String(major), String(minor)])
      if (made.status !== 0) return t.skip('devices cannot be made here')
    }
    const found = scan(directory.path).slice(1)
    const facts = found.map((entry) =>
      entry.type === 'char' || entry.type === 'block' ? [entry.type, entry.major, entry.minor] : [],
    )
    assert.deepEqual(
      facts,
      devices.map(([type, ...numbers]) => [type === 'c' ? 'char' : 'block', ...numbers]),
    )
  },
)

test('scanTree() of a file, or of a symlink to a directory, gives only that', async () => {
  await using directory = await makeTempDir('scan-')
  mkdirSync(`${directory.path}/sub`)
  writeFileSync(`${directory.path}/sub/file`, '')
  symlinkSync('sub', `${directory.path}/link`)
  assert.deepEqual(
    scan(`${directory.path}/sub/file`).map(({ path, type }) => [path, type]),
    [['', 'file']],
  )
  assert.deepEqual(
    scan(`${directory.path}/link`).map(({ path, type }) => [path, type]),
    [['', 'symlink']],
  )
})

test('scanTree() goes as deep as paths go, and says where they end', { skip: pythonSkip }, async () => {
  await using directory = await makeTempDir('scan-')
  const program = `
import os, sys
os.chdir(sys.argv[1])
for _ in range(int(sys.argv[2])):
    os.mkdir(sys.argv[3])
    os.chdir(sys.argv[3])`
  const deep = (to: string, depth: number, name: string): void => {
    mkdirSync(to)
    assert.equal(spawnSync('python3', ['-c', program, to, String(depth), name]).status, 0)
  }
  deep(`${directory.path}/deep`, 250, 'd')
  assert.equal(scan(`${directory.path}/deep`).length, 251)
  deep(`${directory.path}/deeper`, 20, 'd'.repeat(250))
  try {
    assert.throws(() => scan(`${directory.path}/deeper`), {
      code: 'FILE_UNREADABLE',
      message: /longer than the system/,
    })
  } finally {
    spawnSync('rm', ['-rf', `${directory.path}/deeper`])
  }
})

test('scanTree() says FILE_UNREADABLE for a root that is missing, and FILE_CHANGED for a file that vanished', async () => {
  await using directory = await makeTempDir('scan-')
  assert.throws(() => scan(`${directory.path}/none`), {
    code: 'FILE_UNREADABLE',
    message: `Cannot read "${directory.path}/none": it does not exist`,
  })
  mkdirSync(`${directory.path}/a`)
  writeFileSync(`${directory.path}/b`, '')
  const half = scanTree(toByteString(directory.path), { order: 'bytes' })
  half.next()
  half.next()
  rmSync(`${directory.path}/b`)
  rmSync(`${directory.path}/a`, { recursive: true })
  assert.throws(() => half.next(), { code: 'FILE_CHANGED', message: /\/a": it vanished or changed its type/ })
  writeFileSync(`${directory.path}/b`, '')
  writeFileSync(`${directory.path}/c`, '')
  const again = scanTree(toByteString(directory.path), { order: 'bytes' })
  again.next()
  again.next()
  rmSync(`${directory.path}/c`)
  assert.throws(() => again.next(), { code: 'FILE_CHANGED', message: /\/c"/ })
})

test('scanTree() says FILE_UNREADABLE for a directory that may not be listed', async (t) => {
  await using directory = await makeTempDir('scan-')
  chmodSync(directory.path, 0o755)
  mkdirSync(`${directory.path}/closed`)
  chmodSync(`${directory.path}/closed`, 0)
  const module = fileURLToPath(new URL('scan-tree.ts', import.meta.url))
  const program = `
    const { scanTree } = await import(process.argv[1])
    try { for (const entry of scanTree(process.argv[2], { order: 'bytes' })); }
    catch (error) { console.log(error.code, error.message) }`
  const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  const args = ['--conditions=source', '--input-type=module', '-e', program, module, directory.path]
  const child = spawnSync(process.execPath, args, { ...nobody, cwd: '/', encoding: 'utf8' })
  if (child.status !== 0) return t.skip('the source cannot be read by another user')
  assert.equal(
    child.stdout,
    `FILE_UNREADABLE Cannot list the directory "${directory.path}/closed": permission is denied, it should be granted\n`,
  )
})
