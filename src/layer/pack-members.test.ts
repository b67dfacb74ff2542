import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DockerToolsError } from '#errors'
import { endOfArchive } from '#tar'
import { makeSpool, makeTempDir, toByteString } from '#util'
import { type PackedMember, packMembers } from './pack-members.ts'

const ROOT = toByteString('root')
const META = { mode: 0o644, uid: 0, gid: 0, uname: ROOT, gname: ROOT, mtimeSeconds: 1 }

function fileOnDisk(folder: string, name: string): PackedMember {
  const path = join(folder, name)
  const { size, ctimeMs } = lstatSync(path)
  const header = { ...META, path: toByteString(`./${name}`), type: 'file', size } as const
  return { header, body: { kind: 'disk', path: toByteString(path), ctimeMs } }
}

async function packed(members: readonly PackedMember[], purpose: 'measure' | 'write' = 'write'): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of packMembers(members, purpose)) parts.push(Uint8Array.from(chunk))
  const bytes = Buffer.concat(parts)
  return Buffer.concat([bytes, endOfArchive(bytes.length)])
}

test('packs as GNU tar does, from disk and from a spool', async () => {
  await using scratch = await makeTempDir('pack-')
  await using spool = makeSpool(1000)
  const long = 'n'.repeat(150)
  const sizes: Readonly<Record<string, number>> = { a: 0, b: 1, c: 512, d: 300_000, e: 1_000_003, [long]: 9 }
  const folder = join(scratch.path, 'root')
  mkdirSync(join(folder, 'z'), { recursive: true })
  symlinkSync('t'.repeat(120), join(folder, 'y'))
  for (const [name, size] of Object.entries(sizes)) {
    writeFileSync(join(folder, name), Buffer.alloc(size, name))
    chmodSync(join(folder, name), 0o644)
  }
  chmodSync(join(folder, 'z'), 0o755)
  const names = [...Object.keys(sizes).toSorted((a, b) => (a < b ? -1 : 1)), 'y', 'z']
  const members: PackedMember[] = []
  const spooled: PackedMember[] = []
  for (const name of names) {
    const path = toByteString(`./${name}`)
    if (name === 'y')
      members.push({ header: { ...META, mode: 0o777, path, type: 'symlink', target: toByteString('t'.repeat(120)) } })
    else if (name === 'z') members.push({ header: { ...META, mode: 0o755, path, type: 'directory' } })
    else members.push(fileOnDisk(folder, name))
    const last = members.at(-1)
    if (last?.body === undefined) spooled.push(...members.slice(-1))
    else {
      const offset = spool.size
      await spool.write(Buffer.alloc(sizes[name] ?? 0, name))
      spooled.push({ header: last.header, body: { kind: 'spool', spool, offset } })
    }
  }
  const options = ['--format=gnu', '--owner=0', '--group=0', '--mtime=@1']
  const listed = names.map((name) => `./${name}`)
  const expected = execFileSync('tar', ['-C', folder, ...options, '-c', ...listed], { maxBuffer: 1e8 })
  assert.ok((await packed(members)).equals(expected))
  assert.ok((await packed(spooled)).equals(expected))
})

for (const [how, change] of [
  ['grew', (path: string) => appendFileSync(path, 'more')],
  ['was written anew', (path: string) => writeFileSync(path, 'other')],
  ['shrank', (path: string) => writeFileSync(path, '')],
] as const) {
  test(`a file that ${how} is not written`, async () => {
    await using scratch = await makeTempDir('pack-')
    const path = join(scratch.path, 'f')
    writeFileSync(path, 'first')
    const member = fileOnDisk(scratch.path, 'f')
    await new Promise((resolve) => setTimeout(resolve, 20))
    change(path)
    await assert.rejects(
      packed([member]),
      (error) => error instanceof DockerToolsError && error.code === 'FILE_CHANGED',
    )
  })
}
