import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DockerToolsError } from '#errors'
import { readTar } from '#tar'
import { makeTempDir } from '#util'
import { type ArchivedMember, archiveTree, textFile } from './archive-tree.ts'
import { writeArchiveTree } from './write-archive-tree.ts'

const TIME = 315_532_800

test('an archive that is read as a tree is written as GNU tar packs it unpacked', async () => {
  await using scratch = await makeTempDir('tree-')
  const root = join(scratch.path, 'root')
  for (const folder of ['', 'a', 'a/b', 'a-b', 'Z', 'x'.repeat(120)]) mkdirSync(join(root, folder))
  for (const file of ['a/b/f', 'a-b/g', 'a.json', 'Z/h', `${'x'.repeat(120)}/deep`])
    writeFileSync(join(root, file), file)
  symlinkSync('../a-b/g', join(root, 'a/link'))
  symlinkSync('q/target', join(root, 'a/short'))
  symlinkSync('./b/f', join(root, 'a/dot'))
  chmodSync(join(root, 'Z'), 0o700)
  chmodSync(join(root, 'Z/h'), 0o640)
  const options = ['--hard-dereference', '--sort=name', `--mtime=@${TIME}`, '--owner=0', '--group=0']
  const expected = execFileSync('tar', ['-C', root, ...options, '--xform', 's:^./::', '-c', '.'])
  // Read from an archive in another order, without the folders.
  const found = execFileSync('find', ['.', '-type', 'f,l'], { cwd: root, encoding: 'utf8' }).trim().split('\n')
  const again = execFileSync('tar', ['-C', root, '-c', '--no-recursion', './Z', '.', ...found.toSorted().toReversed()])
  const tree = archiveTree(await membersOf(again), 'the archive')
  const parts: Uint8Array[] = []
  const written = await writeArchiveTree(tree, TIME, { write: (chunk) => void parts.push(Uint8Array.from(chunk)) })
  const actual = Buffer.concat(parts)
  assert.equal(written, actual.length)
  assert.ok(actual.equals(expected))
})

for (const name of ['../out', 'a/../../out', '/etc/passwd']) {
  test(`a member "${name}" is refused`, () => {
    const meta = { mode: 0o644, uid: 0, gid: 0, uname: '', gname: '', mtimeSeconds: 0 } as never as object
    const header = { ...meta, path: name, type: 'file', size: 0 } as never
    assert.throws(
      () => archiveTree([{ header, file: textFile('', 0o644) }], 'the archive'),
      (error) => error instanceof DockerToolsError && error.code === 'PATH_UNSAFE',
    )
  })
}

test('a member below a symlink is refused', () => {
  const header = (path: string, kind: object): ArchivedMember['header'] =>
    ({ mode: 0o644, uid: 0, gid: 0, uname: '', gname: '', mtimeSeconds: 0, path, ...kind }) as never
  const members = [
    { header: header('d', { type: 'symlink', target: '/etc' }), file: undefined },
    { header: header('d/passwd', { type: 'file', size: 0 }), file: textFile('', 0o644) },
  ]
  assert.throws(() => archiveTree(members, 'the archive'), /leads through a symlink/)
})

async function membersOf(tar: Uint8Array): Promise<ArchivedMember[]> {
  const members: ArchivedMember[] = []
  for await (const member of readTar(once(tar))) {
    const { header } = member
    const parts: Uint8Array[] = []
    for await (const chunk of member.body()) parts.push(Uint8Array.from(chunk))
    const file = header.type === 'file' ? textFile(Buffer.concat(parts).toString(), header.mode) : undefined
    members.push({ header, file })
  }
  return members
}

// oxlint-disable-next-line require-await -- archives come asynchronously
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
