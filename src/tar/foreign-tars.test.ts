import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeTempDir } from '#util'
import { encodeHeader } from './encode-header.ts'
import { readTar } from './read-tar.ts'
import { assertSameBytes, chunked, collect, missing } from './test-support.test.ts'

/** Archives of Docker, skopeo, Python and GNU tar, and some made by hand. */
const GOLDEN = new URL('../../../shared/golden/', import.meta.url)

/** What Python's `tarfile` reads from an archive, and what it would write of each member. */
const PROGRAM = `
import base64, hashlib, json, sys, tarfile
def latin1(text): return text.encode('utf-8', 'surrogateescape').decode('latin1')
def facts(archive, m):
    body = hashlib.sha256(archive.extractfile(m).read()).hexdigest() if m.isreg() else None
    # The type of files in archives older than POSIX is not kept.
    if m.type == tarfile.AREGTYPE: m.type = tarfile.REGTYPE
    return dict(
        path=latin1(m.name), mode=m.mode & 0o7777, uid=m.uid, gid=m.gid, uname=latin1(m.uname), gname=latin1(m.gname),
        mtime=float(m.mtime), type=m.type.decode('latin1'), link=latin1(m.linkname) if m.issym() or m.islnk() else None,
        size=m.size if m.isreg() else 0, body=body, offset=m.offset, bodyOffset=m.offset_data, pax=sorted(m.pax_headers),
        again=base64.b64encode(m.tobuf(tarfile.PAX_FORMAT, 'utf-8', 'surrogateescape')).decode())
for file in sys.argv[1:]:
    archive = tarfile.open(file, 'r:')
    print(json.dumps([facts(archive, m) for m in archive]))
`

interface PythonMember {
  readonly path: string
  readonly again: string
  readonly [key: string]: unknown
}

function byPython(files: readonly string[]): PythonMember[][] {
  const args = ['-X', 'utf8', '-c', PROGRAM, ...files]
  const { stdout, stderr, status } = spawnSync('python3', args, { encoding: 'utf8', maxBuffer: 2 ** 28 })
  assert.equal(status, 0, stderr)
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as PythonMember[])
}

/** Compares all archives in one go, since starting Python is what takes the time. */
async function assertReadAsByPython(files: readonly string[]): Promise<number> {
  let members = 0
  for (const [index, python] of byPython(files).entries()) members += await assertReadsAs(files[index] ?? '', python)
  return members
}

async function assertReadsAs(file: string, python: readonly PythonMember[]): Promise<number> {
  let index = 0
  for await (const member of readTar(chunked(readFileSync(file), 10_000), { endMarker: 'optional' })) {
    const expected = python[index++]
    assert.ok(expected !== undefined, `${file}: more members than Python finds`)
    const { header } = member
    const isFile = header.type === 'file'
    const body = await collect(member.body())
    const ours = {
      // Python takes the slash off directories.
      path: header.type === 'directory' ? header.path.replace(/\/+$/, '') : header.path,
      mode: header.mode,
      uid: header.uid,
      gid: header.gid,
      uname: header.uname,
      gname: header.gname,
      mtime: header.mtimeSeconds,
      type: header.type === 'directory' ? '5' : member.typeflag.replace('\0', '0'),
      link: header.type === 'symlink' || header.type === 'hardlink' ? header.target : null,
      size: isFile ? header.size : 0,
      body: isFile ? createHash('sha256').update(body).digest('hex') : null,
      offset: member.headerOffset,
      bodyOffset: member.bodyOffset,
      pax: [...member.paxRecords.keys()].toSorted(),
    }
    const { again, ...rest } = expected
    assert.deepEqual(ours, rest, file)
    assertSameBytes(encodeHeader(header, 'pax'), Buffer.from(again, 'base64'), `${file}: ${header.path}`)
  }
  assert.equal(index, python.length, `${file}: fewer members than Python finds`)
  return index
}

const noPython = missing('python3')
const skip = existsSync(GOLDEN) ? noPython || missing('xz') : 'shared folder not there'

test(
  'readTar() reads archives of other programs as tarfile does, and they are taken over as tarfile does',
  { skip },
  async () => {
    await using directory = await makeTempDir('foreign-')
    const files: string[] = []
    const keep = (content: Uint8Array): void => {
      const file = `${directory.path}/${files.length}.tar`
      writeFileSync(file, content)
      files.push(file)
    }
    for (const name of readdirSync(new URL('bases/', GOLDEN)).filter((base) => base.endsWith('.tar'))) {
      const base = fileURLToPath(new URL(`bases/${name}`, GOLDEN))
      files.push(base)
      // The layers inside.
      for await (const member of readTar(chunked(readFileSync(base), 65536), { endMarker: 'optional' })) {
        if (member.header.type === 'file' && member.header.path.endsWith('.tar')) keep(await collect(member.body()))
      }
    }
    for (const name of readdirSync(new URL('tars/', GOLDEN))) {
      const packed = fileURLToPath(new URL(`tars/${name}`, GOLDEN))
      keep(spawnSync('xz', ['-dc', packed], { maxBuffer: 2 ** 28 }).stdout)
    }
    const members = await assertReadAsByPython(files)
    assert.ok(members > 200, `only ${members} members`)
  },
)

const noTar = spawnSync('tar', ['--version']).stdout?.includes('GNU tar') ? false : 'GNU tar is not there'

/** Formats that can have names of any length, and bytes of any kind in them. */
const LONG_NAMES = ['gnu', 'oldgnu', 'posix']

function createTree(root: string, format: string): void {
  mkdirSync(`${root}/${'d'.repeat(80)}`, { recursive: true })
  writeFileSync(`${root}/file`, 'x'.repeat(1000))
  utimesSync(`${root}/file`, 5, 1234567890.123)
  linkSync(`${root}/file`, `${root}/hard`)
  symlinkSync('file', `${root}/link`)
  if (format !== 'v7') writeFileSync(`${root}/${'d'.repeat(80)}/${'e'.repeat(80)}`, 'deep')
  if (!LONG_NAMES.includes(format)) return
  writeFileSync(`${root}/ž${'é'.repeat(60)}`, 'name')
  writeFileSync(Buffer.from(`${root}/\xff`, 'latin1'), 'odd')
  symlinkSync('t'.repeat(300), `${root}/long`)
}

test('readTar() reads every format of GNU tar as tarfile does', { skip: noPython || noTar }, async () => {
  await using directory = await makeTempDir('foreign-')
  const files = ['v7', 'oldgnu', 'gnu', 'ustar', 'posix'].map((format) => {
    const root = `${directory.path}/${format}`
    createTree(root, format)
    // Times with fractions make extended records of them, and only the newest format has these.
    const whole = format === 'posix' ? [] : ['--mtime=@1']
    const made = spawnSync('tar', [`--format=${format}`, '--sort=name', ...whole, '-cf', `${root}.tar`, '.'], {
      cwd: root,
    })
    assert.equal(made.status, 0, made.stderr.toString())
    return `${root}.tar`
  })
  assert.equal(await assertReadAsByPython(files), 5 + 9 + 9 + 6 + 9)
})
