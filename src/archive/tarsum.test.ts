import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { globSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DockerToolsError } from '#errors'
import { tarSumOf } from './tarsum.ts'

const GOLDEN = fileURLToPath(new URL('../../../shared/golden/', import.meta.url))
const hasGolden = existsSync(GOLDEN)
const hasPython = existsSync('/usr/bin/python3')

interface TarsumCase {
  readonly case: string
  readonly args: { readonly tarXz: string }
  readonly expect: { readonly tarsum: string }
}

const cases = hasGolden
  ? globSync('visible/tarsum-*/case.json', { cwd: GOLDEN }).map(
      (file) => JSON.parse(readFileSync(join(GOLDEN, file), 'utf8')) as TarsumCase,
    )
  : []

test('recorded checksums are there', { skip: hasGolden ? false : 'shared folder not there' }, () => {
  assert.equal(cases.length, 8)
})

for (const golden of cases) {
  test(`gives the recorded checksum: ${golden.case}`, async () => {
    const tar = execFileSync('xz', ['-dc', join(GOLDEN, golden.args.tarXz)])
    assert.equal(await tarSumOf(pieces(tar, 777)), golden.expect.tarsum.trim())
  })
}

/** TarSum as its specification has it, over Python's reader. */
const ORACLE = `
import hashlib, io, sys, tarfile
data = sys.stdin.buffer.read()
sums = []
for m in tarfile.open(fileobj=io.BytesIO(data)):
    name = m.name + ('/' if m.isdir() else '')
    h = hashlib.sha256()
    for key, value in [('name', name), ('mode', m.mode), ('uid', m.uid), ('gid', m.gid), ('size', m.size),
                       ('typeflag', m.type.decode()), ('linkname', m.linkname), ('uname', ''), ('gname', ''),
                       ('devmajor', m.devmajor), ('devminor', m.devminor)]:
        h.update((key + str(value)).encode())
    if m.isreg(): h.update(data[m.offset_data:m.offset_data + m.size])
    sums.append(h.hexdigest())
print('tarsum.v1+sha256:' + hashlib.sha256(''.join(sorted(sums)).encode()).hexdigest())
`

test('agrees with an independent one in Python', { skip: hasPython ? false : 'no python3' }, async () => {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  const tar = execFileSync('tar', ['-C', folder, '--format=gnu', '-c', '.'], { maxBuffer: 1e8 })
  const expected = execFileSync('python3', ['-c', ORACLE], { input: tar, encoding: 'utf8' }).trim()
  assert.equal(await tarSumOf(pieces(tar, 10_000)), expected)
})

test('an archive that ends early is an error', async () => {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  const tar = execFileSync('tar', ['-C', folder, '-c', 'tarsum.ts'])
  await assert.rejects(
    tarSumOf(pieces(tar.subarray(0, 1000), 100)),
    (error) => error instanceof DockerToolsError && error.code === 'TRUNCATED',
  )
})

// oxlint-disable-next-line require-await -- archives come asynchronously
async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size)
}
