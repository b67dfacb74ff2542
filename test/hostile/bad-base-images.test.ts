import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type MadeMember, makeTar } from '../support/make-tar.ts'
import { listTar, memberNamed } from '../support/list-tar.ts'
import { makeBench } from '../support/run-cli.ts'
import { needs } from '../support/places.ts'
import { expectRefusal, type Refusal } from './expect-refusal.ts'

const LAYER = makeTar([{ name: 'etc/a', body: 'a\n' }])
const DIFF_ID = `sha256:${createHash('sha256').update(LAYER).digest('hex')}`

interface Parts {
  readonly manifest?: unknown
  readonly config?: unknown
  readonly layers?: readonly string[]
  readonly diffIds?: readonly unknown[]
  readonly members?: readonly MadeMember[]
}

/** A docker-archive with one layer, but for the parts that are told. */
function archive(parts: Parts = {}): Buffer {
  const {
    layers = ['l/layer.tar'],
    diffIds = [DIFF_ID],
    config = { rootfs: { type: 'layers', diff_ids: diffIds }, config: {} },
    manifest = [{ Config: 'c.json', RepoTags: ['base:1'], Layers: layers }],
    members = [{ name: 'l/layer.tar', body: LAYER }],
  } = parts
  const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
  return makeTar([...members, { name: 'c.json', body: text(config) }, { name: 'manifest.json', body: text(manifest) }])
}

function links(...pairs: readonly (readonly [string, string])[]): readonly MadeMember[] {
  return pairs.map(([name, link]) => ({ name, type: '2', link }))
}

const cases: Readonly<Record<string, readonly [bytes: () => Buffer, refusal: Refusal]>> = {
  'that is empty': [() => Buffer.alloc(0), { code: 'FORMAT_INVALID', message: /manifest\.json/ }],
  'that is a text': [() => Buffer.from('# not a tar\n'.repeat(100)), { code: 'FORMAT_INVALID', message: /base image/ }],
  'without a manifest': [
    () => makeTar([{ name: 'a', body: 'x' }]),
    { code: 'FORMAT_INVALID', message: /manifest\.json/ },
  ],
  'that is an OCI archive with an empty index': [
    () =>
      makeTar([
        { name: 'oci-layout', body: '{"imageLayoutVersion":"1.0.0"}' },
        { name: 'index.json', body: '{}' },
      ]),
    { code: 'FORMAT_INVALID', message: /"manifests" of an index should be a list/ },
  ],
  'whose manifest is null': [
    () => archive({ manifest: null }),
    { code: 'FORMAT_INVALID', message: /manifest should be a list/ },
  ],
  'whose manifest is an object': [
    () => archive({ manifest: {} }),
    { code: 'FORMAT_INVALID', message: /manifest should be a list/ },
  ],
  'whose manifest is an empty list': [
    () => archive({ manifest: [] }),
    { code: 'FORMAT_INVALID', message: /lists no image/ },
  ],
  'whose manifest is no JSON': [
    () => archive({ manifest: '[{' }),
    { code: 'FORMAT_INVALID', message: /manifest of base image/ },
  ],
  'whose manifest holds texts': [
    () => archive({ manifest: ['x'] }),
    { code: 'FORMAT_INVALID', message: /should be an object/ },
  ],
  'whose manifest has lower-case keys': [
    () => archive({ manifest: [{ config: 'c.json', layers: [] }] }),
    { code: 'FORMAT_INVALID', message: /has no "Config"/ },
  ],
  'whose manifest is huge': [
    () => archive({ manifest: `[${' '.repeat(5_000_000)}]` }),
    { code: 'LIMIT_EXCEEDED', message: /manifest\.json" has 5000002 bytes/ },
  ],
  'whose manifest is a folder': [
    () => makeTar([{ name: 'manifest.json', type: '5' }]),
    { code: 'FORMAT_INVALID', message: /manifest\.json", but it is a directory/ },
  ],
  'whose manifest is a fifo': [
    () => makeTar([{ name: 'manifest.json', type: '6' }]),
    { code: 'FORMAT_INVALID', message: /manifest\.json", but it is a fifo/ },
  ],
  'whose "Layers" is a text': [
    () => archive({ manifest: [{ Config: 'c.json', Layers: 'l/layer.tar' }] }),
    { code: 'FORMAT_INVALID', message: /"Layers" of its manifest should be a list/ },
  ],
  'whose configuration is not there': [
    () => archive({ manifest: [{ Config: 'gone.json', Layers: [] }] }),
    { code: 'FORMAT_INVALID', message: /"gone\.json", but it has none/ },
  ],
  'whose configuration is a list': [
    () => archive({ config: [] }),
    { code: 'FORMAT_INVALID', message: /configuration should be an object/ },
  ],
  'whose configuration has no rootfs': [
    () => archive({ config: {} }),
    { code: 'FORMAT_INVALID', message: /names 1 layers, its configuration 0/ },
  ],
  'whose environment is a text': [
    () => archive({ config: { rootfs: { diff_ids: [DIFF_ID] }, config: { Env: 'A=b' } } }),
    { code: 'FORMAT_INVALID', message: /"Env" of the base image/ },
  ],
  'with fewer layers than digests': [
    () => archive({ diffIds: [DIFF_ID, DIFF_ID] }),
    { code: 'FORMAT_INVALID', message: /names 1 layers, its configuration 2/ },
  ],
  'with more layers than digests': [
    () => archive({ layers: ['l/layer.tar', 'l/layer.tar'] }),
    { code: 'FORMAT_INVALID', message: /names 2 layers, its configuration 1/ },
  ],
  'with a digest of another kind': [
    () => archive({ diffIds: ['md5:abc'] }),
    { code: 'FORMAT_INVALID', message: /md5:abc/ },
  ],
  'with a digest that leads outside': [
    () => archive({ diffIds: ['sha256:../../../etc/passwd'] }),
    { code: 'FORMAT_INVALID', message: /passwd/ },
  ],
  'with a layer that is not there': [
    () => archive({ layers: ['gone/layer.tar'] }),
    { code: 'FORMAT_INVALID', message: /"gone\/layer\.tar", but it has none/ },
  ],
  'with a layer name that leads outside': [
    () => archive({ layers: ['../../etc/passwd'] }),
    { code: 'FORMAT_INVALID', message: /etc\/passwd/ },
  ],
  'with an absolute layer name': [
    () => archive({ layers: ['/etc/passwd'] }),
    { code: 'FORMAT_INVALID', message: /etc\/passwd/ },
  ],
  'with a layer that is a link to itself': [
    () => archive({ members: links(['l/layer.tar', 'layer.tar']) }),
    { code: 'FORMAT_INVALID', message: /go round in a circle/ },
  ],
  'with layers that link to one another': [
    () => archive({ members: links(['l/layer.tar', '../m/layer.tar'], ['m/layer.tar', '../l/layer.tar']) }),
    { code: 'FORMAT_INVALID', message: /go round in a circle/ },
  ],
  'with a layer that is a link out of the archive': [
    () => archive({ members: links(['l/layer.tar', '../../../../etc/passwd']) }),
    { code: 'FORMAT_INVALID', message: /leads out of the archive/ },
  ],
  'with a layer that is a link to an absolute name': [
    () => archive({ members: links(['l/layer.tar', '/etc/passwd']) }),
    { code: 'FORMAT_INVALID', message: /absolute "\/etc\/passwd"/ },
  ],
  'with a layer that is a link to nothing': [
    () => archive({ members: links(['l/layer.tar', 'gone']) }),
    { code: 'FORMAT_INVALID', message: /link to nothing/ },
  ],
  'with a layer that has another digest': [
    () => archive({ members: [{ name: 'l/layer.tar', body: makeTar([{ name: 'etc/b' }]) }] }),
    { code: 'DIGEST_MISMATCH', message: new RegExp(`l/layer\\.tar.*it should be "${DIFF_ID}"`) },
  ],
  'that ends inside a layer': [
    () => makeTar([{ name: 'l/layer.tar', body: 'x', size: 1_000_000 }], false),
    { code: 'TRUNCATED', message: /ends|bytes/ },
  ],
  'that ends inside a header': [() => archive().subarray(0, 3000), { code: 'TRUNCATED', message: /ends|bytes|block/ }],
  'whose header has a wrong checksum': [
    () => {
      const bytes = archive()
      bytes[3] = 0x7a
      return bytes
    },
    { code: 'FORMAT_INVALID', message: /checksum/ },
  ],
  'that is cut short after compression': [
    () => gzipSync(archive()).subarray(0, 200),
    { code: 'TRUNCATED', message: /ends|cut|short/ },
  ],
  'that is compressed, with a wrong checksum': [
    () => {
      const bytes = gzipSync(archive())
      bytes[bytes.length - 6] = (bytes[bytes.length - 6] ?? 0) ^ 1
      return bytes
    },
    { code: 'FORMAT_INVALID', message: /gzip|CRC|check/ },
  ],
  'with more layers than maxLayers leaves room for': [
    () =>
      archive({
        layers: Array.from({ length: 99 }, () => 'l/layer.tar'),
        diffIds: Array.from({ length: 99 }, () => DIFF_ID),
      }),
    { code: 'LAYER_LIMIT', message: /usedLayers 100 .* maxLayers=100/, isUpstreamText: true },
  ],
}

const definition = { function: 'streamLayeredImage', args: { name: 'x', tag: '1', fromImage: './base.tar' } }

for (const [what, [bytes, refusal]] of Object.entries(cases)) {
  test(`a base image ${what} is refused`, async () => {
    await using bench = await makeBench()
    mkdirSync(join(bench.path, 'result'))
    writeFileSync(join(bench.path, 'base.tar'), bytes())
    await expectRefusal(bench, definition, [], refusal)
  })
}

test('a base image that is a folder and no OCI layout is refused', async () => {
  await using bench = await makeBench()
  for (const name of ['result', 'base.tar']) mkdirSync(join(bench.path, name))
  await expectRefusal(bench, definition, [], { code: 'FORMAT_INVALID', message: /no "index\.json"/ })
})

test('a base image that is a fifo is refused, not waited for', needs('mkfifo'), async () => {
  await using bench = await makeBench()
  mkdirSync(join(bench.path, 'result'))
  execFileSync('mkfifo', [join(bench.path, 'base.tar')])
  await expectRefusal(bench, definition, [], { code: 'FILE_UNREADABLE', message: /no regular file/ })
})

test('a name in a base image cannot steer the terminal', async () => {
  await using bench = await makeBench()
  const name = '\u001b[2J\u009bevil/layer.tar'
  writeFileSync(join(bench.path, 'base.tar'), archive({ layers: [name], members: [{ name, body: LAYER }] }))
  const result = await bench.run(['stream', '-'], { stdin: JSON.stringify(definition) })
  assert.equal(result.status, 0, result.stderr)
  assert.match(result.stderr, /Adding base layer 1 from \\u\{1b\}\[2J\\u\{9b\}evil/)
  // oxlint-disable-next-line no-control-regex -- these are what it is about
  assert.doesNotMatch(result.stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
})

test('archives that are odd but whole are taken', async () => {
  await using bench = await makeBench()
  const odd: Readonly<Record<string, Buffer>> = {
    'layers that are one file': archive({
      layers: ['m/layer.tar', 'l/layer.tar'],
      diffIds: [DIFF_ID, DIFF_ID],
      members: [...links(['m/layer.tar', '../l/layer.tar']), { name: 'l/layer.tar', body: LAYER }],
    }),
    'RepoTags of null': archive({ manifest: [{ Config: 'c.json', RepoTags: null, Layers: ['l/layer.tar'] }] }),
    'names that begin with ./': makeTar([
      { name: './', type: '5' },
      { name: './l/layer.tar', body: LAYER },
      { name: './c.json', body: JSON.stringify({ rootfs: { diff_ids: [DIFF_ID] } }) },
      { name: './manifest.json', body: JSON.stringify([{ Config: 'c.json', Layers: ['l/layer.tar'] }]) },
    ]),
    'a config of null': archive({ config: { rootfs: { diff_ids: [DIFF_ID] }, config: null } }),
    'no end marker': archive().subarray(0, -1024),
    'an image of no layers': archive({ layers: [], diffIds: [] }),
    'both layouts in one': makeTar([
      { name: 'oci-layout', body: '{"imageLayoutVersion":"1.0.0"}' },
      { name: 'index.json', body: '{"schemaVersion":2,"manifests":[]}' },
      { name: 'blobs/sha256/aa', body: LAYER },
      { name: 'c.json', body: JSON.stringify({ rootfs: { diff_ids: [DIFF_ID] } }) },
      { name: 'manifest.json', body: JSON.stringify([{ Config: 'c.json', Layers: ['blobs/sha256/aa'] }]) },
    ]),
  }
  for (const [what, bytes] of Object.entries(odd)) {
    writeFileSync(join(bench.path, 'base.tar'), bytes)
    const result = await bench.run(['stream', '-', '--quiet'], { stdin: JSON.stringify(definition) })
    assert.equal(result.status, 0, `${what}: ${result.stderr}`)
    const listing = listTar(result.stdout)
    assert.ok(listing.hasEndMarker, what)
    const manifest = memberNamed(listing, 'manifest.json').body.toString()
    for (const name of (JSON.parse(manifest) as { Layers: string[] }[])[0]?.Layers ?? []) {
      assert.equal(memberNamed(listing, name).row.type, '0', `${what}: a layer is a file, links are followed`)
    }
  }
})
