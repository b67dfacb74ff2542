import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, closeSync, linkSync, mkdirSync, openSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type ByteString, byteStringToBytes, makeTempDir, toByteString } from '#util'
import { encodeHeader } from './encode-header.ts'
import type { MemberKind, MemberMeta, TarDialect, TarEntry } from './tar-header.ts'
import { assertSameBytes, chunked, collect } from './test-support.test.ts'
import { writeTar } from './write-tar.ts'

const VERSIONS = /GNU tar\) 1\.3[45]\b/
const version = spawnSync('tar', ['--version']).stdout?.toString() ?? ''
const skip = VERSIONS.test(version) ? false : 'GNU tar 1.34 or 1.35 is not there'

interface Owner {
  readonly args: readonly string[]
  readonly dialect: TarDialect
  readonly uid: number
  readonly gid: number
  readonly uname: ByteString
  readonly gname: ByteString
}

function owner(dialect: TarDialect, user: string, uid: number, group: string, gid: number): Owner {
  const numeric = dialect === 'gnu-numeric' ? ['--numeric-owner'] : []
  const args = [`--owner=${user}:${uid}`, `--group=${group}:${gid}`, ...numeric]
  return { args, dialect, uid, gid, uname: toByteString(user), gname: toByteString(group) }
}

type Given = Pick<MemberMeta, 'path' | 'mode'> &
  (Exclude<MemberKind, { readonly type: 'file' }> | { readonly type: 'file'; readonly content: string })

/** No bit at all, where the user that runs `tar` can read such a file. */
const LEAST_MODE = process.getuid?.() === 0 ? 0 : 0o400

const UNSORTED: readonly Given[] = [
  { path: toByteString('.'), type: 'directory', mode: 0o755 },
  { path: toByteString('./-dash'), type: 'file', mode: 0o644, content: 'd' },
  { path: toByteString('./back\\slash\nnewline'), type: 'file', mode: 0o600, content: '' },
  ...lengths('d', [96, 97, 98, 99, 149]).map((path): Given => ({ path, type: 'directory', mode: 0o700 })),
  { path: toByteString(`./e`), type: 'directory', mode: 0o2755 },
  { path: toByteString(`./e/setuid`), type: 'file', mode: 0o4755, content: 'x'.repeat(513) },
  { path: toByteString(`./e-before`), type: 'file', mode: 0o1644, content: 'x'.repeat(512) },
  ...lengths('f', [97, 98, 99, 253]).map((path): Given => ({ path, type: 'file', mode: 0o400, content: 'f' })),
  { path: toByteString('./hard1'), type: 'file', mode: 0o644, content: 'linked' },
  { path: toByteString('./hard2'), type: 'file', mode: 0o644, content: 'linked' },
  ...[98, 99, 100, 101, 511, 512, 513].map((length): Given => ({
    path: toByteString(`./l${length}`),
    type: 'symlink',
    mode: 0o777,
    target: toByteString('t'.repeat(length)),
  })),
  {
    path: toByteString(`./m${'m'.repeat(99)}`),
    type: 'symlink',
    mode: 0o777,
    target: toByteString('\u017e'.repeat(60)),
  },
  { path: toByteString('./pipe'), type: 'fifo', mode: 0o640 },
  { path: toByteString('./ž日本😀'), type: 'file', mode: 0o644, content: 'utf-8' },
  { path: './\xff\xfe' as ByteString, type: 'symlink', mode: 0o777, target: '\xfe\xff' as ByteString },
  { path: `./\xff${'\x80'.repeat(120)}` as ByteString, type: 'file', mode: LEAST_MODE, content: '' },
]

/** In the order of `--sort=name`. */
const FILES = UNSORTED.toSorted((a, b) => (sortKey(a.path) < sortKey(b.path) ? -1 : 1))

/** Names as long as `lengths` say, in ascending order, without the `./` in front. */
function lengths(letter: string, list: readonly number[]): ByteString[] {
  return list.map((length) => toByteString(`./${letter.repeat(length)}`))
}

/** Puts a directory in front of what is in it, and that in front of the directory's next sibling. */
function sortKey(path: ByteString): string {
  return path.replaceAll('/', '\0')
}

function create(root: string): void {
  for (const file of FILES) {
    const onDisk = Buffer.concat([Buffer.from(`${root}/`), byteStringToBytes(file.path)])
    switch (file.type) {
      case 'directory':
        mkdirSync(onDisk, { recursive: true })
        break
      case 'symlink':
        symlinkSync(byteStringToBytes(file.target), onDisk)
        continue
      case 'fifo':
        assert.equal(spawnSync('mkfifo', [onDisk.toString()]).status, 0)
        break
      case 'file':
        if (file.path === './hard2') linkSync(`${root}/hard1`, `${root}/hard2`)
        else writeFileSync(onDisk, file.content)
        break
      case 'hardlink':
      case 'char':
      case 'block':
        assert.fail(`not made here: ${file.type}`)
    }
    chmodSync(onDisk, file.mode)
  }
}

function entries(by: Owner, mtimeSeconds: number): TarEntry[] {
  return FILES.map((file): TarEntry => {
    const meta = { ...file, uid: by.uid, gid: by.gid, uname: by.uname, gname: by.gname, mtimeSeconds }
    if (file.type !== 'file') return meta as TarEntry
    const content = Buffer.from(file.content)
    return { ...meta, type: 'file', size: content.length, open: () => chunked(content, 100) }
  })
}

const OWNERS: readonly (readonly [string, Owner, number])[] = [
  ['root', owner('gnu', 'root', 0, 'root', 0), 315532800],
  ['other names', owner('gnu', 'nobody', 65534, 'nogroup', 65534), 1],
  ['--numeric-owner', owner('gnu-numeric', 'root', 0, 'root', 0), 315532800],
  ['--numeric-owner and large numbers', owner('gnu-numeric', 'a', 2097151, 'b', 2097152), 0],
  ['the largest numbers', owner('gnu', 'ž', 4294967294, 'x'.repeat(40), 4294967294), 8 ** 11 - 1],
  ['names of 31 and 32 bytes', owner('gnu', 'u'.repeat(31), 1, 'g'.repeat(32), 2), 8 ** 11],
  ['a time before 1970', owner('gnu', 'root', 0, 'root', 0), -1],
  ['a time long before 1970', owner('gnu', 'root', 0, 'root', 0), -(2 ** 40)],
]

for (const [name, by, mtimeSeconds] of OWNERS) {
  test(`writeTar() writes what GNU tar writes: ${name}`, { skip }, async () => {
    await using directory = await makeTempDir('gnu-parity-')
    create(directory.path)
    const args = ['--sort=name', '--hard-dereference', `--mtime=@${mtimeSeconds}`, ...by.args, '-cf', '-', '.']
    const gnu = spawnSync('tar', args, { cwd: directory.path, env: { LC_ALL: 'C', PATH: process.env['PATH'] } })
    assert.equal(gnu.status, 0, gnu.stderr.toString())
    const ours = await collect(writeTar(entries(by, mtimeSeconds), by.dialect))
    assertSameBytes(ours, gnu.stdout, name)
  })
}

test('encodeHeader() says sizes from 8 GiB on as GNU tar does', { skip }, async () => {
  await using directory = await makeTempDir('gnu-parity-')
  for (const size of [8 ** 11 - 1, 8 ** 11, 9 * 2 ** 30, 2 ** 43]) {
    const path = `${directory.path}/large`
    closeSync(openSync(path, 'w'))
    truncateSync(path, size)
    const args = ['--numeric-owner', '--owner=0', '--group=0', '--mtime=@1', '--mode=0644', '-cf', '-', 'large']
    const tar = spawn('tar', args, { cwd: directory.path, stdio: ['ignore', 'pipe', 'ignore'] })
    let header: Buffer = Buffer.alloc(0)
    for await (const chunk of tar.stdout) {
      header = Buffer.concat([header, chunk])
      if (header.length >= 512) break
    }
    tar.kill()
    const base = {
      path: toByteString('large'),
      mode: 0o644,
      uid: 0,
      gid: 0,
      uname: toByteString(''),
      gname: toByteString(''),
      mtimeSeconds: 1,
    }
    const ours = encodeHeader({ ...base, type: 'file', size }, 'gnu-numeric')
    assertSameBytes(ours, header.subarray(0, 512), `${size} bytes`)
  }
})

const noDevices = skip === false && process.getuid?.() !== 0 ? 'only root can make devices' : skip

test('encodeHeader() writes devices as GNU tar does', { skip: noDevices }, async () => {
  await using directory = await makeTempDir('gnu-parity-')
  const numbers = fc.tuple(fc.constantFrom('c', 'b'), fc.nat({ max: 4095 }), fc.nat({ max: 2 ** 20 - 1 }))
  const list = fc.sample(numbers, { numRuns: 10, seed: 1 })
  for (const [index, [type, major, minor]] of list.entries()) {
    const made = spawnSync('mknod', ['-m', '660', `${directory.path}/${index}`, type, String(major), String(minor)])
    // Containers may not allow it even to root.
    if (made.status !== 0) return
  }
  const names = list.map((_, index) => String(index))
  const args = ['--owner=0', '--group=0', '--mtime=@1', '-cf', '-', ...names]
  const gnu = spawnSync('tar', args, { cwd: directory.path })
  const base = {
    mode: 0o660,
    uid: 0,
    gid: 0,
    uname: toByteString('root'),
    gname: toByteString('root'),
    mtimeSeconds: 1,
  }
  const ours = list.map(([type, major, minor], index) =>
    encodeHeader(
      { ...base, path: toByteString(String(index)), type: type === 'c' ? 'char' : 'block', major, minor },
      'gnu',
    ),
  )
  assertSameBytes(Buffer.concat(ours), gnu.stdout.subarray(0, 512 * list.length), 'devices')
})
