import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { listTar } from '../support/list-tar.ts'
import { needsRoot } from '../support/places.ts'
import { type Bench, makeBench, resultOf } from '../support/run-cli.ts'

async function makeBuildBench(args: Readonly<Record<string, unknown>> = {}): Promise<Bench> {
  const bench = await makeBench()
  mkdirSync(join(bench.path, 'defs/tree'), { recursive: true })
  mkdirSync(join(bench.path, 'out'))
  writeFileSync(join(bench.path, 'defs/tree/file'), 'content\n')
  const all = { name: 'x', tag: '1', architecture: 'amd64', contents: ['./tree'], ...args }
  for (const [file, name] of [
    ['stream.json', 'streamLayeredImage'],
    ['archive.json', 'buildLayeredImage'],
  ] as const) {
    const { compressor: _, ...streamed } = all as { compressor?: string }
    const chosen = name === 'streamLayeredImage' ? streamed : all
    writeFileSync(join(bench.path, 'defs', file), JSON.stringify({ function: name, args: chosen }))
  }
  return bench
}

for (const [compressor, unpack] of [
  ['gz', gunzipSync],
  ['zstd', zstdDecompressSync],
  ['none', (bytes: Buffer) => bytes],
] as const) {
  test(`build -o makes an archive with compressor ${compressor}, of the bytes that stream gives`, async () => {
    await using bench = await makeBuildBench({ compressor })
    const result = await bench.run(['build', 'defs/archive.json', '-o', 'out/image'])
    assert.equal(result.status, 0, result.stderr)
    assert.equal(result.stdout.toString(), 'out/image\n')
    assert.deepEqual(readdirSync(join(bench.path, 'out')), ['image'])
    assert.equal(lstatSync(join(bench.path, 'out/image')).mode & 0o777, 0o644)
    const streamed = await bench.run(['stream', 'defs/stream.json'])
    assert.ok(unpack(readFileSync(join(bench.path, 'out/image'))).equals(streamed.stdout))
  })
}

test('build takes the place of an older result, and of a link into a store, not of what the link leads to', async () => {
  await using bench = await makeBuildBench()
  const kept = `nix/store/${'a'.repeat(32)}-kept`
  mkdirSync(join(bench.path, 'nix/store'), { recursive: true })
  writeFileSync(join(bench.path, kept), 'kept')
  symlinkSync(`../${kept}`, join(bench.path, 'out/image'))
  symlinkSync(`../${kept}-collected`, join(bench.path, 'out/old'))
  writeFileSync(join(bench.path, 'out/older'), 'older')
  for (const output of ['out/image', 'out/old', 'out/older']) {
    const result = await bench.run(['build', 'defs/archive.json', '-o', output])
    assert.equal(result.status, 0, result.stderr)
    assert.equal(lstatSync(join(bench.path, output)).isFile(), true)
    assert.notEqual(readFileSync(join(bench.path, output), 'utf8'), 'older')
  }
  assert.deepEqual(readdirSync(join(bench.path, 'nix/store')), [`${'a'.repeat(32)}-kept`])
  assert.equal(readFileSync(join(bench.path, kept), 'utf8'), 'kept')
})

test('build of a stream recipe makes a program that streams, from any folder, under any name', async () => {
  await using bench = await makeBuildBench({
    config: { Labels: { quote: 'it\'s $HOME `x` \\ "y"\nDOCKERTOOLS_DEFINITION' } },
  })
  const result = await bench.run(['build', 'defs/stream.json', '-o', 'out/stream'])
  assert.equal(result.status, 0, result.stderr)
  assert.equal(lstatSync(join(bench.path, 'out/stream')).mode & 0o777, 0o755)
  const direct = await bench.run(['stream', 'defs/stream.json'])
  const env = { PATH: '/usr/bin:/bin', HOME: join(bench.path, 'home'), XDG_CACHE_HOME: join(bench.path, 'cache') }
  const run = (...args: readonly string[]) =>
    resultOf(spawn(join(bench.path, 'out/stream'), args, { cwd: '/', env, stdio: ['ignore', 'pipe', 'pipe'] }))
  const streamed = await run()
  assert.equal(streamed.status, 0, streamed.stderr)
  assert.ok(streamed.stdout.equals(direct.stdout))
  const renamed = await run('-t', 'other:tag', '--quiet')
  assert.equal(renamed.status, 0, renamed.stderr)
  assert.match(renamed.stdout.toString('latin1'), /"other:tag"/)
  const wrong = await run('--frob')
  assert.equal(wrong.status, 2)
})

const unwritable: Readonly<Record<string, readonly [output: string, message: RegExp]>> = {
  'whose folder is not there': ['gone/image', /its folder does not exist/],
  'that is a folder': ['out', /it is a folder/],
  'below a file': ['defs/tree/file/image', /Cannot write/],
}

for (const [what, [output, message]] of Object.entries(unwritable)) {
  test(`build to a file ${what} is refused with status 1`, async () => {
    await using bench = await makeBuildBench()
    const result = await bench.run(['build', 'defs/archive.json', '-o', output])
    assert.equal(result.status, 1, result.stderr)
    assert.match(result.stderr, /error \(WRITE_FAILED\): Cannot write/)
    assert.match(result.stderr, message)
    assert.equal(result.stdout.length, 0)
  })
}

test('build to a folder that may not be written is refused', needsRoot, async () => {
  await using bench = await makeBuildBench()
  bench.openToAll()
  chmodSync(join(bench.path, 'out'), 0o555)
  const result = await bench.run(['build', 'defs/archive.json', '-o', 'out/image'], { uid: 65_534 })
  assert.equal(result.status, 1)
  assert.match(result.stderr, /error \(WRITE_FAILED\): .*its folder may not be written/)
})

test('build on a disk that fills up leaves nothing behind', needsRoot, async (context) => {
  await using bench = await makeBuildBench({ compressor: 'none' })
  const small = join(bench.path, 'out')
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small], { stdio: 'ignore' })
  } catch {
    context.skip('no small disk can be mounted here')
    return
  }
  try {
    writeFileSync(join(bench.path, 'defs/tree/large'), Buffer.alloc(500_000, 'x'))
    const result = await bench.run(['build', 'defs/archive.json', '-o', 'out/image'])
    assert.equal(result.status, 1, result.stderr)
    assert.match(result.stderr, /error \(WRITE_FAILED\): Cannot write "out\/image": the disk is full/)
    assert.deepEqual(readdirSync(small), [])
  } finally {
    execFileSync('umount', [small])
  }
})

test('the archive that build makes is one that GNU tar reads', async () => {
  await using bench = await makeBuildBench()
  await bench.run(['build', 'defs/archive.json', '-o', 'out/image.tar.gz'])
  const names = execFileSync('tar', ['-tzf', join(bench.path, 'out/image.tar.gz')])
    .toString()
    .trimEnd()
    .split('\n')
  const bytes = gunzipSync(readFileSync(join(bench.path, 'out/image.tar.gz')))
  assert.deepEqual(
    names,
    listTar(bytes).members.map(({ row }) => row.name),
  )
})
