import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  fixturePath,
  type FixturePath,
  type FixtureTree,
  makeSigningKey,
  nestedFolders,
  writeCache,
} from '../support/binary-cache.ts'
import { makeBench } from '../support/run-cli.ts'
import { assertFailed, expectRefusal, type Refusal } from './expect-refusal.ts'

const ROOT = fixturePath('a', 'root')

/** Large enough that much of the layer is written before its end is read. */
const TREE: FixtureTree = {
  folder: [
    ['bin', { folder: [['x', { executable: 'x'.repeat(300_000) }]] }],
    ['etc', 'y'],
  ],
}

const trusted = makeSigningKey('trusted-1')
const stranger = makeSigningKey('stranger-1')
/** The name of a trusted key with another's secret. */
const impostor = { ...stranger, name: trusted.name }

function withName(...names: readonly string[]): FixtureTree {
  return { folder: names.map((name) => [name, 'x'] as const) }
}

const unsigned: readonly string[] = ['--no-check-signatures']
const signed: readonly string[] = ['--trusted-public-key', trusted.publicText]

const cases: Readonly<
  Record<string, readonly [path: Partial<FixturePath>, refusal: Refusal, args?: readonly string[]]>
> = {
  'a NAR that is cut short': [
    { spoil: (nar) => nar.subarray(0, 200_000) },
    { code: 'SIZE_MISMATCH', message: /it has \d+ bytes, it should have 300672/ },
  ],
  'a NAR that is empty': [
    { spoil: () => Buffer.alloc(0) },
    { code: 'SIZE_MISMATCH', message: /it has \d+ bytes, it should have 300672/ },
  ],
  'a NAR with one bit changed in a file': [
    { spoil: (nar) => flipped(nar, 100_000) },
    { code: 'DIGEST_MISMATCH', message: /sha256/ },
  ],
  'a NAR with more behind its end': [
    { spoil: (nar) => Buffer.concat([nar, Buffer.alloc(8)]) },
    { code: 'SIZE_MISMATCH', message: /a-root|nar/ },
  ],
  'a NAR that is something else': [
    { spoil: (nar) => Buffer.alloc(nar.length, '<html>not found</html>') },
    { code: 'DIGEST_MISMATCH', message: /its hash is/ },
  ],
  'a wrong NarHash': [
    { narinfo: { NarHash: `sha256:${'0'.repeat(52)}` } },
    { code: 'DIGEST_MISMATCH', message: /sha256/ },
  ],
  'a NarSize that is too small': [{ narinfo: { NarSize: '1000' } }, { code: 'SIZE_MISMATCH', message: /1000/ }],
  'a NarSize that is too large': [{ narinfo: { NarSize: '900000' } }, { code: 'SIZE_MISMATCH', message: /900000/ }],
  'a NarSize that is no number': [{ narinfo: { NarSize: '-1' } }, { code: 'FORMAT_INVALID', message: /NarSize/ }],
  'a compression that nobody knows': [
    { narinfo: { Compression: 'lzma2' } },
    { code: 'FORMAT_UNSUPPORTED', message: /lzma2/ },
  ],
  'a NAR that is not compressed as its narinfo says': [
    { narinfo: { Compression: 'xz' } },
    { code: 'FORMAT_INVALID', message: /xz/ },
  ],
  'a narinfo of another path': [
    { narinfo: { StorePath: fixturePath('b', 'other') } },
    { code: 'FORMAT_INVALID', message: /b-other/ },
  ],
  'a NAR that is not there': [
    { narinfo: { URL: 'nar/gone.nar' } },
    { code: 'STORE_PATH_MISSING', message: /gone\.nar/ },
  ],
  'a URL that leads out of the cache': [
    { narinfo: { URL: '../../../etc/passwd' } },
    { code: 'PATH_UNSAFE', message: /\.\./ },
  ],
  'no signature': [{}, { code: 'SIGNATURE_INVALID', message: /a-root/ }, signed],
  'a signature by a key that is not trusted': [
    { signWith: stranger },
    { code: 'SIGNATURE_INVALID', message: /a-root/ },
    signed,
  ],
  'a signature under the name of a trusted key': [
    { signWith: impostor },
    { code: 'SIGNATURE_INVALID', message: /a-root/ },
    signed,
  ],
  'a signature of other references': [
    { signWith: trusted, narinfo: { References: ROOT.slice('/nix/store/'.length) } },
    { code: 'SIGNATURE_INVALID', message: /a-root/ },
    signed,
  ],
  'a name with NUL': [{ tree: withName('a\0b') }, { code: 'PATH_UNSAFE', message: /a name is "a\\u0000b"/ }],
  'a name with a slash': [{ tree: withName('a/b') }, { code: 'PATH_UNSAFE', message: /a\/b/ }],
  'a name that is ..': [{ tree: withName('..') }, { code: 'PATH_UNSAFE', message: /"\.\."/ }],
  'a name that is empty': [{ tree: withName('') }, { code: 'PATH_UNSAFE', message: /""|empty/ }],
  'names out of order': [{ tree: withName('b', 'a') }, { code: 'FORMAT_INVALID', message: /"a" follows "b"/ }],
  'a name twice': [{ tree: withName('a', 'a') }, { code: 'FORMAT_INVALID', message: /"a" follows "a"/ }],
}

for (const [what, [path, refusal, args = unsigned]] of Object.entries(cases)) {
  test(`a binary cache with ${what} ends the work`, async () => {
    await using bench = await makeBench()
    mkdirSync(join(bench.path, 'result'))
    const cache = writeCache(join(bench.path, 'binary-cache'), [{ path: ROOT, tree: TREE, ...path }])
    // Named in config only: its layer is the first place where the content is read.
    const definition = {
      function: 'streamLayeredImage',
      args: { name: 'x', tag: '1', architecture: 'amd64', config: { Cmd: [`${ROOT}/bin/x`] } },
    }
    await expectRefusal(bench, definition, ['--store', cache, ...args], refusal)
  })
}

test('a path that a trusted key has signed is taken', async () => {
  await using bench = await makeBench()
  const cache = writeCache(join(bench.path, 'binary-cache'), [{ path: ROOT, tree: TREE, signWith: trusted }])
  const definition = JSON.stringify({ function: 'streamLayeredImage', args: { name: 'x', tag: '1', contents: [ROOT] } })
  const taken = await bench.run(['stream', '-', '--store', cache, ...signed], { stdin: definition })
  assert.equal(taken.status, 0, taken.stderr)
  const refused = await bench.run(['stream', '-', '--store', cache, '--log-format=json'], { stdin: definition })
  assertFailed(refused, { code: 'SIGNATURE_INVALID', message: /a-root/ })
})

test('a text in config that looks like a store path but is none is told, and ignored', async () => {
  await using bench = await makeBench()
  const cache = writeCache(join(bench.path, 'binary-cache'), [{ path: ROOT, tree: TREE }])
  const gone = fixturePath('b', 'gone')
  const config = { Env: [`GONE=${gone}/bin`], Cmd: [`${ROOT}/bin/x`] }
  const definition = JSON.stringify({ function: 'streamLayeredImage', args: { name: 'x', tag: '1', config } })
  const args = ['--store', cache, '--no-check-signatures']
  const result = await bench.run(['stream', '-', '--quiet', ...args], { stdin: definition })
  assert.equal(result.status, 0, result.stderr)
  assert.match(
    result.stderr,
    /^warning \(REFERENCE_UNKNOWN\): config names ".*b-gone.*", which no store has; it is ignored\n$/,
  )
  const layers = await bench.run(['layers', '-', '--quiet', ...args], { stdin: definition })
  assert.deepEqual(JSON.parse(layers.stdout.toString()), [[ROOT]])
})

test('references that go round in a circle are a closure like any other', async () => {
  await using bench = await makeBench()
  const [a, b] = [fixturePath('a', 'a'), fixturePath('b', 'b')]
  const cache = writeCache(join(bench.path, 'binary-cache'), [
    { path: a, tree: { folder: [['to', b]] }, references: [a, b] },
    { path: b, tree: { folder: [['to', a]] }, references: [a] },
  ])
  const definition = JSON.stringify({ function: 'streamLayeredImage', args: { name: 'x', tag: '1', contents: [a] } })
  const args = ['--store', cache, '--no-check-signatures']
  const result = await bench.run(['layers', '-', ...args], { stdin: definition })
  assert.equal(result.status, 0, result.stderr)
  assert.deepEqual((JSON.parse(result.stdout.toString()) as string[][]).flat().toSorted(), [a, b])
})

test('a NAR that is nested without end is refused in bounded time', async () => {
  await using bench = await makeBench()
  mkdirSync(join(bench.path, 'result'))
  const cache = writeCache(join(bench.path, 'binary-cache'), [{ path: ROOT, tree: nestedFolders(100_000) }])
  const definition = { function: 'streamLayeredImage', args: { name: 'x', tag: '1', config: { Cmd: [ROOT] } } }
  await expectRefusal(bench, definition, ['--store', cache, ...unsigned], {
    code: 'LIMIT_EXCEEDED',
    message: /more directories within one another than the limit/,
  })
})

function flipped(bytes: Buffer, offset: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[offset] = (copy[offset] ?? 0) ^ 1
  return copy
}
