import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { listTar, memberNamed } from '../support/list-tar.ts'
import { makeBench } from '../support/run-cli.ts'

test('merge puts the images of two archives into one, compressed as the last is', async () => {
  await using bench = await makeBench()
  for (const name of ['one', 'two']) {
    mkdirSync(join(bench.path, name))
    writeFileSync(join(bench.path, name, 'file'), name)
    const args = { name, tag: '1', copyToRoot: `./${name}`, compressor: name === 'one' ? 'gz' : 'none' }
    const stdin = JSON.stringify({ function: 'buildImage', args })
    assert.equal((await bench.run(['build', '-', '-o', `${name}.tar`, '--quiet'], { stdin })).status, 0)
  }
  const merged = await bench.run(['merge', 'one.tar', 'two.tar', '-o', 'both.tar', '--quiet'])
  assert.deepEqual([merged.status, merged.stdout.toString(), merged.stderr], [0, 'both.tar\n', ''])
  const manifest = memberNamed(listTar(readFileSync(join(bench.path, 'both.tar'))), 'manifest.json').body.toString()
  const tags = (JSON.parse(manifest) as { readonly RepoTags: readonly string[] }[]).map(({ RepoTags }) => RepoTags)
  assert.deepEqual(tags, [['one:1'], ['two:1']])
  const packed = await bench.run(['merge', 'two.tar', 'one.tar', '-o', 'both.tar.gz', '--quiet'])
  assert.equal(packed.status, 0)
  assert.deepEqual([...readFileSync(join(bench.path, 'both.tar.gz')).subarray(0, 2)], [0x1f, 0x8b])
  assert.equal((await bench.run(['merge', 'one.tar'])).status, 2)
})

test('tarsum is the same for a file, standard input and another order of members', async () => {
  await using bench = await makeBench()
  for (const name of ['a', 'b']) writeFileSync(join(bench.path, name), name)
  const tar = (...names: readonly string[]): Buffer => execFileSync('tar', ['-C', bench.path, '-c', ...names])
  writeFileSync(join(bench.path, 'x.tar'), tar('a', 'b'))
  writeFileSync(join(bench.path, 'y.tar'), tar('b', 'a'))
  writeFileSync(join(bench.path, 'z.tar'), tar('b'))
  const sums = await Promise.all(['x.tar', 'y.tar', 'z.tar'].map((file) => bench.run(['tarsum', file])))
  const [first, second, third] = sums.map(({ stdout }) => stdout.toString())
  assert.match(first ?? '', /^tarsum\.v1\+sha256:[0-9a-f]{64}\n$/)
  assert.equal(second, first)
  assert.notEqual(third, first)
  const stdin = readFileSync(join(bench.path, 'x.tar'), 'latin1')
  assert.equal((await bench.run(['tarsum'], { stdin })).stdout.toString(), first)
  const missing = await bench.run(['tarsum', 'nothing.tar'])
  assert.equal(missing.status, 1)
  assert.match(missing.stderr, /error \(FILE_UNREADABLE\): Cannot read "nothing\.tar"/)
})
