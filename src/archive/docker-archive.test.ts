import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { type ArchivedImage, openDockerArchive } from '#archive'
import { makeTempDir } from '#util'

const BASES = fileURLToPath(new URL('../../../shared/golden/bases/', import.meta.url))
const skip = existsSync(BASES) ? false : 'shared folder not there'
const bases = skip === false ? readdirSync(BASES).map((name) => join(BASES, name)) : []

const folders = (process.env['PATH'] ?? '').split(delimiter)
const hasProgram = (name: string): boolean => folders.some((folder) => existsSync(join(folder, name)))

/** What an archive holds, as text; layers by digest and size of what is read. */
async function describe(images: readonly ArchivedImage[]): Promise<unknown> {
  const described = []
  for (const { repoTags, layers, config } of images) {
    const read = []
    for (const layer of layers) {
      const { member, header, diffId } = layer
      const bytes = Buffer.concat(await Array.fromAsync(layer.open()))
      assert.equal(bytes.length, header.size)
      const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes
      assert.equal(`sha256:${createHash('sha256').update(plain).digest('hex')}`, diffId, member)
      read.push([member, diffId, header.mode, header.mtimeSeconds, bytes.length])
    }
    described.push([repoTags, read, config.get('architecture')])
  }
  return described
}

/** The same facts by Python's tarfile and json. */
const ORACLE = `
import json, sys, tarfile
archive = tarfile.open(sys.argv[1])
def name(n):
    for candidate in (n, './' + n):
        try: return archive.getmember(candidate)
        except KeyError: pass
def follow(member):
    import posixpath
    while member.issym():
        member = name(posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname)))
    return member
out = []
for image in json.load(archive.extractfile(name('manifest.json'))):
    config = json.load(archive.extractfile(name(image['Config'])))
    layers = []
    for path, diff in zip(image['Layers'], config['rootfs']['diff_ids']):
        member = follow(name(path))
        layers.append([path, diff, member.mode & 0o7777, int(member.mtime), member.size])
    out.append([image.get('RepoTags') or [], layers, config.get('architecture')])
print(json.dumps(out))
`

for (const base of bases) {
  const what = basename(base)
  test(`${what} reads as Python reads it`, { skip: hasProgram('python3') ? false : 'no python3 here' }, async () => {
    const expected = JSON.parse(execFileSync('python3', ['-c', ORACLE, base]).toString()) as unknown
    await using archive = await openDockerArchive(base, what)
    assert.deepEqual(JSON.parse(JSON.stringify(await describe(archive.images))), expected)
  })
}

for (const [program, ...args] of [
  ['gzip', '-9', '-c'],
  ['zstd', '-q', '-c'],
  ['xz', '-c'],
] as const) {
  const reason = hasProgram(program) ? skip : `no ${program} here`
  test(`an archive that ${program} has compressed is the archive`, { skip: reason }, async () => {
    await using temp = await makeTempDir('archive-test-')
    const base = join(BASES, 'base-stream.tar')
    await using plain = await openDockerArchive(base, 'plain')
    const wanted = await describe(plain.images)
    const packed = join(temp.path, 'packed')
    execFileSync('sh', ['-c', '"$@" < "$0" > packed', base, program, ...args], { cwd: temp.path })
    await using archive = await openDockerArchive(packed, 'packed')
    assert.deepEqual(await describe(archive.images), wanted)
  })
}

test('an archive that cannot be opened is told with its name', async () => {
  await using temp = await makeTempDir('archive-test-')
  mkdirSync(join(temp.path, 'folder'))
  await assert.rejects(openDockerArchive(join(temp.path, 'gone'), 'base image "gone"'), {
    code: 'FILE_UNREADABLE',
    message: 'Cannot read base image "gone": there is no such file',
  })
  await assert.rejects(openDockerArchive(join(temp.path, 'folder'), 'base image "folder"'), { code: 'FORMAT_INVALID' })
})
