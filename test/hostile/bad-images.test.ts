import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { exportImage, inspectImages, type InspectOptions } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { makeTempDir } from '#util'
import { collectingSink } from '../support/collect.ts'
import {
  dockerFiles,
  type MadeFiles,
  type MadeLayer,
  MadeLayout,
  packed,
  sha256,
  tarOf,
  writeFilesTo,
} from '../support/make-image.ts'
import { listTar } from '../support/list-tar.ts'
import { type MadeMember, makeTar } from '../support/make-tar.ts'
import { makeBench } from '../support/run-cli.ts'
import { assertFailed, type Refusal } from './expect-refusal.ts'

const LAYER: MadeLayer = { tar: makeTar([{ name: 'etc/a', body: 'a\n' }]) }
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json'

function layerOf(...members: readonly MadeMember[]): MadeFiles {
  return dockerFiles([{ tar: makeTar(members) }])
}

/** An OCI layout whose one manifest is told, given what stands in it for a good one. */
function withManifest(change: (manifest: Record<string, unknown>, layout: MadeLayout) => unknown): MadeFiles {
  const layout = new MadeLayout()
  const good = layout.image([LAYER])
  const bytes = layout.files.get(`blobs/${String(good['digest']).replace(':', '/')}`)
  const manifest = JSON.parse(String(bytes)) as Record<string, unknown>
  return layout.index(layout.add(MANIFEST_TYPE, change(manifest, layout) as object))
}

/** An OCI layout whose one descriptor is told. */
function withDescriptor(change: (good: Readonly<Record<string, unknown>>, layout: MadeLayout) => unknown): MadeFiles {
  const layout = new MadeLayout()
  return layout.index(change(layout.image([LAYER]), layout))
}

const attestation = { platform: { os: 'unknown', architecture: 'unknown' } }

const cases: Readonly<Record<string, readonly [files: () => MadeFiles, refusal: Refusal, options?: InspectOptions]>> = {
  'a member name with ".."': [
    () => layerOf({ name: 'a/../../etc/x', body: 'x' }),
    { code: 'PATH_UNSAFE', message: /"a\/\.\.\/\.\.\/etc\/x" has "\.\."/ },
  ],
  'a hard link with ".."': [
    () => layerOf({ name: 'x', type: '1', link: '../../etc/passwd' }),
    { code: 'PATH_UNSAFE', message: /etc\/passwd/ },
  ],
  'a hard link to what is not there': [
    () => layerOf({ name: 'x', type: '1', link: 'y' }, { name: 'y', body: 'too late' }),
    { code: 'FORMAT_INVALID', message: /"x" is a hard link to "y", which is not there before it/ },
  ],
  'a hard link through a symlink': [
    () =>
      layerOf({ name: 'd/f', body: '1' }, { name: 'l', type: '2', link: 'd' }, { name: 'x', type: '1', link: 'l/f' }),
    { code: 'FORMAT_INVALID', message: /not there before it/ },
  ],
  'a hard link to a directory': [
    () => layerOf({ name: 'd/', type: '5' }, { name: 'x', type: '1', link: 'd' }),
    { code: 'FORMAT_INVALID', message: /is a directory/ },
  ],
  'a name below a whiteout': [
    () => layerOf({ name: '.wh.a/b' }),
    { code: 'FORMAT_INVALID', message: /below a whiteout/ },
  ],
  'a whiteout of nothing': [() => layerOf({ name: 'a/.wh.' }), { code: 'FORMAT_INVALID', message: /a whiteout/ }],
  'a whiteout of ".."': [() => layerOf({ name: 'a/.wh...' }), { code: 'PATH_UNSAFE', message: /would hide "\.\."/ }],
  'a root that is a file': [() => layerOf({ name: './' }), { code: 'FORMAT_INVALID', message: /root is a file/ }],
  'a layer that is cut short': [
    () => dockerFiles([{ tar: makeTar([{ name: 'a', body: 'x', size: 100_000 }], false) }]),
    { code: 'TRUNCATED', message: /layer "0\/layer\.tar".* ends/ },
  ],
  'a compressed layer that is cut short': [
    () => {
      const files = new Map(dockerFiles([LAYER]))
      return files.set('0/layer.tar', gzipSync(LAYER.tar).subarray(0, 60))
    },
    { code: 'TRUNCATED', message: /layer "0\/layer\.tar"/ },
  ],
  'a layer of another digest': [
    () => new Map(dockerFiles([LAYER])).set('0/layer.tar', makeTar([{ name: 'etc/b' }])),
    { code: 'DIGEST_MISMATCH', message: /layer "0\/layer\.tar".* its digest is "sha256:/ },
  ],
  'a compressed layer of another digest inside': [
    () => new Map(dockerFiles([LAYER])).set('0/layer.tar', gzipSync(makeTar([{ name: 'etc/b' }]))),
    { code: 'DIGEST_MISMATCH', message: /layer "0\/layer\.tar"/ },
  ],
  'a layer that is a bomb of gzip, by a limit that is moved': [
    () => dockerFiles([{ tar: Buffer.alloc(50_000_000), compression: 'gz' }]),
    { code: 'LIMIT_EXCEEDED', message: /layer "0\/layer\.tar".*"maxBytes"/ },
    { limits: { maxBytes: 10_000_000 } },
  ],
  'a layer that is a bomb of zstd, by its ratio': [
    () => dockerFiles([{ tar: Buffer.alloc(50_000_000), compression: 'zstd' }]),
    { code: 'LIMIT_EXCEEDED', message: /"maxRatio"/ },
    { limits: { ratioFromBytes: 1_000_000 } },
  ],
  'too many members': [
    () => layerOf(...Array.from({ length: 20 }, (_, index) => ({ name: `f${index}` }))),
    { code: 'LIMIT_EXCEEDED', message: /maxMembers is 10/ },
    { limits: { maxMembers: 10 } },
  ],
  'too many layers': [
    () => dockerFiles([LAYER, LAYER, LAYER]),
    { code: 'LIMIT_EXCEEDED', message: /"maxLayers" is 2/ },
    { limits: { maxLayers: 2 } },
  ],
  'neither manifest nor index': [
    () => new Map([['x', Buffer.from('x')]]),
    { code: 'FORMAT_INVALID', message: /no "manifest\.json" and no "index\.json"/ },
  ],
  'a manifest that is null': [
    () => new Map(dockerFiles([LAYER])).set('manifest.json', Buffer.from('null')),
    { code: 'FORMAT_INVALID', message: /should be a list/ },
  ],
  'a manifest with lower-case keys': [
    () => new Map(dockerFiles([LAYER])).set('manifest.json', Buffer.from('[{"config":"c.json","layers":[]}]')),
    { code: 'FORMAT_INVALID', message: /"config", which should begin with a capital/ },
  ],
  'fewer layers than digests': [
    () => new Map(dockerFiles([LAYER])).set('manifest.json', Buffer.from('[{"Config":"c.json","Layers":[]}]')),
    { code: 'FORMAT_INVALID', message: /names 0 layers, its configuration 1/ },
  ],
  'a layer name that is absolute': [
    () =>
      new Map(dockerFiles([LAYER])).set('manifest.json', Buffer.from('[{"Config":"c.json","Layers":["/etc/passwd"]}]')),
    { code: 'PATH_UNSAFE', message: /"\/etc\/passwd"/ },
  ],
  'a layer name with ".."': [
    () => new Map(dockerFiles([LAYER])).set('manifest.json', Buffer.from('[{"Config":"c.json","Layers":["../../x"]}]')),
    { code: 'PATH_UNSAFE', message: /"\.\.\/\.\.\/x"/ },
  ],
  'an index without manifests': [
    () => new MadeLayout().files.set('index.json', Buffer.from('{}')),
    { code: 'FORMAT_INVALID', message: /"manifests" of an index/ },
  ],
  'an index with attestations only': [
    () => withDescriptor((good) => ({ ...good, ...attestation })),
    { code: 'FORMAT_INVALID', message: /lists no image/ },
  ],
  'an index with an artifact only': [
    () => withManifest((manifest, layout) => ({ ...manifest, config: layout.add('application/vnd.other', {}) })),
    { code: 'FORMAT_INVALID', message: /lists no image/ },
  ],
  'no image for the platform': [
    () => {
      const layout = new MadeLayout()
      const images = ['amd64', 'arm64'].map((architecture) =>
        layout.image([LAYER], { architecture }, { platform: { os: 'linux', architecture } }),
      )
      return layout.index(...images, { ...images[0], ...attestation })
    },
    { code: 'DEFINITION_INVALID', message: /no image for "linux\/s390x", it has "linux\/amd64", "linux\/arm64"/ },
    { platform: 'linux/s390x' },
  ],
  'schema 1': [
    () => withManifest(() => ({ schemaVersion: 1, fsLayers: [], history: [] })),
    { code: 'FORMAT_UNSUPPORTED', message: /schema version 1/ },
  ],
  'a manifest that is an index too': [
    () => withManifest((manifest) => ({ ...manifest, manifests: [] })),
    { code: 'FORMAT_INVALID', message: /both layers and manifests/ },
  ],
  'a manifest of another media type': [
    () => withManifest((manifest) => ({ ...manifest, mediaType: INDEX_TYPE })),
    { code: 'FORMAT_INVALID', message: /the index says/ },
  ],
  'a manifest without layers': [
    () => withManifest((manifest) => ({ ...manifest, layers: undefined })),
    { code: 'FORMAT_INVALID', message: /names 0 layers, its configuration 1/ },
  ],
  'a manifest without a configuration': [
    () => withManifest((manifest) => ({ ...manifest, config: undefined })),
    { code: 'FORMAT_INVALID', message: /no "config"/ },
  ],
  'an encrypted layer': [
    () =>
      withManifest((manifest, layout) => ({
        ...manifest,
        layers: [layout.add('application/vnd.oci.image.layer.v1.tar+gzip+encrypted', packed(LAYER))],
      })),
    { code: 'FORMAT_UNSUPPORTED', message: /encrypted/ },
  ],
  'a blob that is not there': [
    () =>
      withManifest((manifest) => ({
        ...manifest,
        layers: [
          {
            mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
            digest: `sha256:${'0'.repeat(64)}`,
            size: 1,
            urls: ['http://127.0.0.1/'],
          },
        ],
      })),
    { code: 'FORMAT_INVALID', message: /blobs\/sha256\/0+", but it has none/ },
  ],
  'a digest that leads outside': [
    () => withDescriptor((good) => ({ ...good, digest: 'sha256:../../../etc/passwd' })),
    { code: 'FORMAT_INVALID', message: /should be "sha256:" and 64/ },
  ],
  'a digest in upper case': [
    () => withDescriptor((good) => ({ ...good, digest: String(good['digest']).toUpperCase() })),
    { code: 'FORMAT_INVALID', message: /should be "sha256:" and 64/ },
  ],
  'a digest of another algorithm': [
    () => withDescriptor((good) => ({ ...good, digest: `sha512:${'0'.repeat(128)}` })),
    { code: 'FORMAT_INVALID', message: /should be "sha256:" and 64/ },
  ],
  'a size below zero': [
    () => withDescriptor((good) => ({ ...good, size: -1 })),
    { code: 'FORMAT_INVALID', message: /whole number of bytes/ },
  ],
  'a size beyond all numbers': [
    () => withDescriptor((good) => ({ ...good, size: 2 ** 53 })),
    { code: 'FORMAT_INVALID', message: /whole number of bytes/ },
  ],
  'a size that is not the blob’s': [
    () => withDescriptor((good) => ({ ...good, size: 5 })),
    { code: 'SIZE_MISMATCH', message: /it should have 5/ },
  ],
  'a manifest of another digest': [
    () => {
      const layout = new MadeLayout()
      const good = layout.image([LAYER])
      const name = `blobs/${String(good['digest']).replace(':', '/')}`
      const bytes = Buffer.from(layout.files.get(name) ?? '')
      bytes[bytes.length - 1] = 0x20
      layout.files.set(name, bytes)
      return layout.index(good)
    },
    { code: 'DIGEST_MISMATCH', message: /digest of a blob/ },
  ],
  'a layer whose blob has another digest': [
    () => {
      const layout = new MadeLayout()
      const good = layout.image([{ ...LAYER, compression: 'gz' }])
      const other = gzipSync(LAYER.tar, { level: 1 })
      const name = `blobs/sha256/${sha256(gzipSync(LAYER.tar))}`
      const wrong = Buffer.from(layout.files.get(name) ?? other)
      wrong[9] = (wrong[9] ?? 0) ^ 1
      layout.files.set(name, wrong)
      return layout.index(good)
    },
    { code: 'DIGEST_MISMATCH', message: /layer "blobs/ },
  ],
  'indexes in indexes without end': [
    () => {
      const layout = new MadeLayout()
      let inner = layout.image([LAYER])
      for (let depth = 0; depth < 12; depth++) inner = layout.add(INDEX_TYPE, { schemaVersion: 2, manifests: [inner] })
      return layout.index(inner)
    },
    { code: 'FORMAT_INVALID', message: /nested deeper/ },
  ],
  'more manifests than anybody has': [
    () => {
      const layout = new MadeLayout()
      const good = layout.image([LAYER])
      return layout.index(...Array.from({ length: 1001 }, () => good))
    },
    { code: 'LIMIT_EXCEEDED', message: /"maxManifests" is 1000/ },
  ],
  'a manifest beyond the limit': [
    () => new MadeLayout().files.set('index.json', Buffer.alloc(5_000_000, ' ')),
    { code: 'LIMIT_EXCEEDED', message: /"maxManifestBytes" is 4194304/ },
  ],
}

function isRefusal(error: unknown, { code, message }: Refusal): true {
  assert.ok(error instanceof DockerToolsError, String(error))
  assert.equal(error.code, code, error.message)
  assert.match(error.message, message)
  assert.match(error.message, /^Cannot [^\n]*[^.\n]$/)
  return true
}

async function refused(image: string, refusal: Refusal, options: InspectOptions = {}): Promise<void> {
  const sink = collectingSink()
  const exported = exportImage({ fromImage: image }).writeTo(sink, options)
  await assert.rejects(exported, (error: unknown) => isRefusal(error, refusal))
  assert.equal(sink.bytes().length, 0, 'everything is checked before the first byte')
  await assert.rejects(inspectImages(image, options), (error: unknown) => isRefusal(error, refusal))
}

for (const [what, [files, refusal, options]] of Object.entries(cases)) {
  test(`an image with ${what} is refused`, async () => {
    await using scratch = await makeTempDir('hostile-')
    const image = join(scratch.path, 'image.tar')
    writeFileSync(image, tarOf(files()))
    await refused(image, refusal, options)
  })
}

test('a refused image leaves nothing behind, and the status of its code', async () => {
  await using bench = await makeBench()
  mkdirSync(join(bench.path, 'result'))
  const files = new Map(dockerFiles([LAYER])).set('0/layer.tar', makeTar([{ name: 'etc/b' }]))
  writeFileSync(join(bench.path, 'image.tar'), tarOf(files))
  const refusal = { code: 'DIGEST_MISMATCH', message: /layer "0\/layer\.tar"/ } as const
  assertFailed(await bench.run(['export', 'image.tar', '-o', 'result/root.tar', '--log-format=json']), refusal)
  assertFailed(await bench.run(['inspect', 'image.tar', '--log-format=json']), refusal)
  assert.deepEqual(readdirSync(join(bench.path, 'result')), [], 'nothing lies where the result should')
  assert.deepEqual(bench.leftovers(), [], 'no temporary files')
  const limit = { code: 'LIMIT_EXCEEDED', message: /"maxLayers" is 0|above 0|maxMembers is 1/ } as const
  writeFileSync(join(bench.path, 'image.tar'), tarOf(dockerFiles([LAYER])))
  const args = ['inspect', 'image.tar', '--limit', 'maxMembers=1', '--log-format=json']
  assertFailed(await bench.run(args), limit)
})

test('a layout with a link out of it is refused, one with a link inside is taken', async () => {
  await using bench = await makeBench()
  const layout = new MadeLayout()
  const files = layout.index(layout.image([LAYER]))
  const blob = `blobs/sha256/${sha256(LAYER.tar)}`
  for (const [folder, target] of [
    ['outside', '../../../elsewhere'],
    ['inside', 'kept'],
  ] as const) {
    const rest = new Map([...files].filter(([name]) => name !== blob))
    writeFilesTo(join(bench.path, folder), rest.set('blobs/sha256/kept', LAYER.tar))
    symlinkSync(target, join(bench.path, folder, blob))
  }
  writeFileSync(join(bench.path, 'elsewhere'), LAYER.tar)
  await refused(join(bench.path, 'outside'), { code: 'PATH_UNSAFE', message: /leads out of it/ })
  const taken = await bench.run(['export', 'inside', '-o', 'taken.tar'])
  assert.equal(taken.status, 0, taken.stderr)
})

test('images that are odd but whole are taken', async () => {
  await using bench = await makeBench()
  const layout = (): MadeLayout => new MadeLayout()
  const odd: Readonly<Record<string, () => MadeFiles>> = {
    'absolute names in a layer': () => layerOf({ name: '/etc/a', body: 'a\n' }),
    'a name that stands twice': () => layerOf({ name: 'etc/a', body: 'first' }, { name: 'etc/a', body: 'a\n' }),
    'a file and then a directory': () => layerOf({ name: 'etc', body: 'x' }, { name: 'etc/a', body: 'a\n' }),
    'what AUFS kept': () =>
      layerOf({ name: 'etc/a', body: 'a\n' }, { name: '.wh..wh.plnk/1', body: 'x' }, { name: '.wh..wh.aufs' }),
    'a layer of no bytes': () => dockerFiles([LAYER, { tar: Buffer.alloc(0) }]),
    'the same layer twice': () => dockerFiles([LAYER, LAYER]),
    'RepoTags of null': () => dockerFiles([LAYER], null),
    'a media type that is wrong': () => {
      const made = layout()
      return made.index(made.image([{ ...LAYER, compression: 'zstd' }]))
    },
    'attestations and artifacts beside the image': () => {
      const made = layout()
      const image = made.image([LAYER], {}, { platform: { os: 'linux', architecture: 'amd64' } })
      const artifact = made.add(MANIFEST_TYPE, { schemaVersion: 2, config: made.add('text/x', {}), layers: [] })
      const about = {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': image['digest'],
      }
      const inner = made.add(INDEX_TYPE, {
        schemaVersion: 2,
        manifests: [image, { ...artifact, annotations: about }, artifact],
        unknown: { kept: true },
      })
      return made.index({ ...inner, data: 'bm90IGl0', artifactType: 'x' })
    },
    'a platform of an index that was not saved': () => {
      const made = layout()
      const image = made.image([LAYER])
      const absent = { ...image, digest: `sha256:${'0'.repeat(64)}`, platform: { os: 'linux', architecture: 'arm64' } }
      return made.index(made.add(INDEX_TYPE, { schemaVersion: 2, manifests: [absent, image] }))
    },
    'a descriptor without media type': () => {
      const made = layout()
      return made.index({ ...made.image([LAYER]), mediaType: undefined })
    },
  }
  for (const [what, files] of Object.entries(odd)) {
    writeFileSync(join(bench.path, 'image.tar'), tarOf(files()))
    const sink = collectingSink()
    await exportImage({ fromImage: join(bench.path, 'image.tar') }).writeTo(sink)
    assert.equal((await inspectImages(join(bench.path, 'image.tar'))).length, 1, what)
    const { members } = listTar(sink.bytes())
    assert.deepEqual(
      members.map(({ row, body }) => [row.name, row.type === '0' ? body.toString() : '']),
      [
        ['./', ''],
        ['./etc/', ''],
        ['./etc/a', 'a\n'],
      ],
      what,
    )
  }
})

test('a layer of directories ten thousand deep is exported, and names too long are refused', async () => {
  await using bench = await makeBench()
  const deep = (depth: number): MadeFiles => {
    const name = `${'d/'.repeat(depth)}f`
    const long = makeTar([{ name: '././@LongLink', type: '0', body: `${name}\0` }])
    long.write('L', 156)
    long.fill(' ', 148, 156)
    const sum = long.subarray(0, 512).reduce((total, byte) => total + byte, 0)
    long.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    const header = long.subarray(0, 512 + Math.ceil((name.length + 1) / 512) * 512)
    return dockerFiles([{ tar: Buffer.concat([header, makeTar([{ name: 'f', body: '1' }])]) }])
  }
  writeFileSync(join(bench.path, 'image.tar'), tarOf(deep(10_000)))
  const result = await bench.run(['export', 'image.tar', '-o', 'root.tar'])
  assert.equal(result.status, 0, result.stderr)
  writeFileSync(join(bench.path, 'image.tar'), tarOf(deep(40_000)))
  const refusal = { code: 'LIMIT_EXCEEDED', message: /maxNameBytes/ } as const
  assertFailed(await bench.run(['export', 'image.tar', '-o', 'root.tar', '--log-format=json']), refusal)
})

test('what an image says of itself cannot steer the terminal', async () => {
  await using bench = await makeBench()
  const made = new MadeLayout()
  const history = [{ created_by: 'evil \u001b[2J', comment: '\u009bx' }]
  const image = made.image([LAYER], { history, config: { Labels: { a: '\u001b]0;x\u0007' } } })
  writeFileSync(join(bench.path, 'image.tar'), tarOf(made.index(image)))
  const { status, stdout, stderr } = await bench.run(['inspect', 'image.tar'])
  assert.equal(status, 0, stderr)
  // oxlint-disable-next-line no-control-regex -- these are what it is about
  assert.doesNotMatch(stdout.toString(), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  assert.match(stdout.toString(), /evil \\u\{1b\}/)
})

test('a bomb that decompresses to zeros within the limits ends in bounded time', async () => {
  await using bench = await makeBench()
  const bytes = zstdCompressSync(Buffer.alloc(200_000_000))
  writeFileSync(join(bench.path, 'image.tar'), bytes)
  const refusal = { code: 'LIMIT_EXCEEDED', message: /behind|trailing|maxTrailingBytes/i } as const
  assertFailed(await bench.run(['inspect', 'image.tar', '--log-format=json']), refusal)
})
