import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { listTar, memberNamed } from '../support/list-tar.ts'
import { dockerFiles, MadeLayout, makeConfig, sha256, tarOf, writeFilesTo } from '../support/make-image.ts'
import { makeTar } from '../support/make-tar.ts'
import { GOLDEN, skipWithoutGolden } from '../support/places.ts'
import { type Bench, makeBench } from '../support/run-cli.ts'
import { assertFailed } from '../hostile/expect-refusal.ts'

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: { readonly architecture: string }
  readonly annotations?: Readonly<Record<string, string>>
}

interface Manifest {
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  readonly manifests: readonly Descriptor[]
}

function image(args: object = {}, functionName = 'buildLayeredImage'): object {
  return { function: functionName, args: { name: 'site', tag: '1.0', contents: ['./pages'], ...args } }
}

async function benchWith(definition: object): Promise<Bench> {
  const bench = await makeBench()
  mkdirSync(join(bench.path, 'pages'))
  writeFileSync(join(bench.path, 'pages/index.html'), 'hello')
  writeFileSync(join(bench.path, 'image.json'), JSON.stringify(definition))
  return bench
}

/** Builds, which has to succeed. */
async function build(bench: Bench, output: string, ...args: readonly string[]): Promise<string> {
  const result = await bench.run(['build', 'image.json', '-q', '-o', output, ...args])
  assert.equal(result.status, 0, result.stderr)
  assert.equal(result.stdout.toString(), `${output}\n`)
  assert.deepEqual(bench.leftovers(), [])
  return join(bench.path, output)
}

/** Every file of a layout is a blob of its digest, or one of the two that the specification names. */
function readBlobs(files: ReadonlyMap<string, Buffer>): (descriptor: Descriptor) => Buffer {
  for (const [name, bytes] of files) {
    if (name.startsWith('blobs/')) assert.equal(name, `blobs/sha256/${sha256(bytes)}`)
    else assert.ok(['index.json', 'oci-layout', 'manifest.json'].includes(name), name)
  }
  return (descriptor) => {
    const bytes = files.get(`blobs/${descriptor.digest.replace(':', '/')}`)
    assert.equal(bytes?.length, descriptor.size)
    return bytes ?? Buffer.alloc(0)
  }
}

function filesOfTar(file: string): ReadonlyMap<string, Buffer> {
  const listing = listTar(readFileSync(file))
  assert.ok(listing.hasEndMarker)
  return new Map(listing.members.map(({ row, body }) => [row.name as string, body]))
}

function filesOfFolder(folder: string): ReadonlyMap<string, Buffer> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return new Map(files.map((file) => [file.slice(folder.length + 1), readFileSync(file)]))
}

function parse(bytes: Buffer | undefined): Manifest {
  return JSON.parse(String(bytes)) as Manifest
}

const unpack = {
  none: (bytes: Buffer) => bytes,
  gz: (bytes: Buffer) => gunzipSync(bytes),
  zstd: (bytes: Buffer) => zstdDecompressSync(bytes),
} as const

for (const compressor of ['none', 'gz', 'zstd'] as const) {
  test(`an OCI archive has the image of the docker-archive, layers as ${compressor}`, async () => {
    await using bench = await benchWith(image({ compressor }))
    const plain = listTar((await bench.run(['stream', 'image.json', '-q'])).stdout)
    const files = filesOfTar(await build(bench, 'oci.tar', '--format', 'oci-archive'))
    const read = readBlobs(files)
    const [listed] = parse(files.get('index.json')).manifests
    assert.ok(listed)
    assert.deepEqual(listed.annotations, {
      'io.containerd.image.name': 'docker.io/library/site:1.0',
      'org.opencontainers.image.ref.name': '1.0',
    })
    const manifest = parse(read(listed))
    const [{ Config = '', Layers = [] } = {}] = JSON.parse(memberNamed(plain, 'manifest.json').body.toString()) as {
      readonly Config?: string
      readonly Layers?: readonly string[]
    }[]
    assert.deepEqual(read(manifest.config), memberNamed(plain, Config).body)
    const suffix = { none: '', gz: '+gzip', zstd: '+zstd' }[compressor]
    for (const [index, layer] of manifest.layers.entries()) {
      assert.equal(layer.mediaType, `application/vnd.oci.image.layer.v1.tar${suffix}`)
      assert.ok(unpack[compressor](read(layer)).equals(memberNamed(plain, Layers[index] ?? '').body))
    }
    assert.equal(manifest.layers.length, Layers.length)
    const docker = JSON.parse(String(files.get('manifest.json'))) as readonly unknown[]
    const blob = (descriptor: Descriptor): string => `blobs/${descriptor.digest.replace(':', '/')}`
    const expected = { Config: blob(manifest.config), RepoTags: ['site:1.0'], Layers: manifest.layers.map(blob) }
    assert.deepEqual(docker, [expected])
  })
}

test('a layout in a folder has the blobs of the archive, and no manifest for Docker', async () => {
  await using bench = await benchWith(image())
  const archive = new Map(filesOfTar(await build(bench, 'oci.tar', '--format', 'oci-archive')))
  const folder = filesOfFolder(await build(bench, 'layout', '--format', 'oci'))
  assert.equal(archive.delete('manifest.json'), true)
  assert.deepEqual(folder, archive)
  assert.equal(folder.get('oci-layout')?.toString(), '{"imageLayoutVersion":"1.0.0"}')
})

test('formats do not depend on the folder, the umask or the time', async () => {
  await using one = await benchWith(image())
  await using other = await benchWith(image())
  const first = readFileSync(await build(one, 'oci.tar', '--format', 'oci-archive'))
  const result = await other.run(['build', 'image.json', '-q', '-o', 'oci.tar', '--format', 'oci-archive'], {
    umask: '077',
    env: { TZ: 'Asia/Tokyo', LC_ALL: 'C.UTF-8' },
  })
  assert.equal(result.status, 0, result.stderr)
  assert.ok(first.equals(readFileSync(join(other.path, 'oci.tar'))))
})

test('a streamed image becomes an archive where a format is asked for', async () => {
  await using bench = await benchWith(image({}, 'streamLayeredImage'))
  const streamed = (await bench.run(['stream', 'image.json', '-q'])).stdout
  assert.ok(readFileSync(await build(bench, 'image.tar', '--format', 'docker-archive')).equals(streamed))
  const files = filesOfTar(await build(bench, 'oci.tar', '--format', 'oci-archive'))
  const [listed] = parse(files.get('index.json')).manifests
  assert.ok(listed)
  const [layer] = parse(readBlobs(files)(listed)).layers
  assert.equal(layer?.mediaType, 'application/vnd.oci.image.layer.v1.tar')
})

test('several platforms become an index, in the order of the definition', async () => {
  const of = (architecture: string): object => image({ architecture, config: { Env: [`ARCH=${architecture}`] } })
  await using bench = await benchWith({ images: { arm64: of('arm64'), amd64: of('amd64') } })
  const files = filesOfTar(await build(bench, 'oci.tar'))
  const read = readBlobs(files)
  assert.equal(files.has('manifest.json'), false)
  const [listed] = parse(files.get('index.json')).manifests
  assert.equal(listed?.mediaType, 'application/vnd.oci.image.index.v1+json')
  const { manifests } = parse(read(listed))
  assert.deepEqual(
    manifests.map(({ platform }) => platform?.architecture),
    ['arm64', 'amd64'],
  )
  // What both have is there once.
  const layers = manifests.map((manifest) => parse(read(manifest)).layers)
  assert.deepEqual(layers[0]?.[0], layers[1]?.[0])
  const inspected = await bench.run(['inspect', 'oci.tar', '--json', '--platform', 'linux/arm64'])
  const [report] = JSON.parse(inspected.stdout.toString()) as readonly Readonly<Record<string, unknown>>[]
  assert.deepEqual(
    [report?.['names'], report?.['platform'], report?.['platforms'], report?.['config']],
    [['site:1.0'], 'linux/arm64', ['linux/arm64', 'linux/amd64'], { Env: ['ARCH=arm64'] }],
  )
})

const amd64 = image({ architecture: 'amd64' })
const wrong: Readonly<Record<string, readonly [object, readonly string[], RegExp, 'DEFINITION_INVALID' | 'USAGE']>> = {
  'an image that is for another platform': [
    { images: { arm64: amd64 } },
    [],
    /for "linux\/arm64": its configuration is for "linux\/amd64"/,
    'DEFINITION_INVALID',
  ],
  'no image': [{ images: {} }, [], /"images" is empty/, 'DEFINITION_INVALID'],
  'a platform that is none': [{ images: { '': amd64 } }, [], /Cannot use platform "linux\/"/, 'DEFINITION_INVALID'],
  'images of several names': [
    { images: { amd64, arm64: image({ name: 'other' }) } },
    [],
    /"site", "other", they should have one name/,
    'DEFINITION_INVALID',
  ],
  'images of several tags': [
    { images: { amd64, arm64: image({ tag: '2', architecture: 'arm64' }) } },
    [],
    /the tags "1\.0", "2", they should have one/,
    'DEFINITION_INVALID',
  ],
  'several platforms as a docker-archive': [
    { images: { amd64 } },
    ['--format', 'docker-archive'],
    /holds one/,
    'USAGE',
  ],
  'a format that is none': [amd64, ['--format', 'zip'], /format "zip": it should be "docker-archive"/, 'USAGE'],
  'a format for a file system': [
    { function: 'exportImage', args: { fromImage: amd64 } },
    ['--format', 'oci'],
    /its result is a tar of files/,
    'USAGE',
  ],
  'a file system below an image': [
    image({ fromImage: { function: 'exportImage', args: { fromImage: amd64 } } }),
    [],
    /a file system, it should be an image/,
    'DEFINITION_INVALID',
  ],
  'a disk of no size': [
    { function: 'exportImage', args: { fromImage: amd64, diskSize: 0 } },
    [],
    /"diskSize": it should be above 0/,
    'DEFINITION_INVALID',
  ],
  'an unknown argument of exportImage': [
    { function: 'exportImage', args: { fromimage: amd64 } },
    [],
    /no argument "fromimage", the nearest is "fromImage"/,
    'DEFINITION_INVALID',
  ],
}

for (const [what, [definition, args, message, code]] of Object.entries(wrong)) {
  test(`${what} is refused`, async () => {
    await using bench = await benchWith(definition)
    mkdirSync(join(bench.path, 'result'))
    const result = await bench.run(['build', 'image.json', '-o', 'result/x', '--log-format=json', ...args])
    assertFailed(result, { code, message })
    assert.deepEqual(readdirSync(join(bench.path, 'result')), [])
    assert.deepEqual(bench.leftovers(), [])
  })
}

test('a folder that is there is not written over', async () => {
  await using bench = await benchWith(image())
  mkdirSync(join(bench.path, 'there'))
  await build(bench, 'there', '--format', 'oci')
  const again = await bench.run(['build', 'image.json', '-o', 'there', '--format', 'oci', '--log-format=json'])
  assertFailed(again, { code: 'WRITE_FAILED', message: /"there": it is there already/ })
  assert.ok(existsSync(join(bench.path, 'there/index.json')))
  assert.equal(readdirSync(bench.path).filter((name) => name.endsWith('.tmp')).length, 0)
})

test('exportImage of a recipe is the file system of its archive', async () => {
  await using bench = await benchWith({ function: 'exportImage', args: { fromImage: image(), diskSize: 512 } })
  const built = readFileSync(await build(bench, 'root.tar'))
  writeFileSync(join(bench.path, 'image.json'), JSON.stringify(image()))
  await build(bench, 'image.tar.gz')
  const result = await bench.run(['export', 'image.tar.gz', '-o', 'exported.tar', '-q'])
  assert.equal(result.status, 0, result.stderr)
  assert.equal(result.stdout.toString(), 'exported.tar\n')
  assert.ok(built.equals(readFileSync(join(bench.path, 'exported.tar'))))
  const link = memberNamed(listTar(built), './index.html').row.link
  assert.equal(memberNamed(listTar(built), `.${link as string}`).body.toString(), 'hello')
})

test('export picks the image of an archive by its name', skipWithoutGolden, async () => {
  await using bench = await makeBench()
  const names = JSON.parse(String(filesOfTar(join(GOLDEN, 'bases/base-multi.tar')).get('manifest.json'))) as readonly {
    readonly RepoTags: readonly string[]
  }[]
  const tags = names.map(({ RepoTags }) => RepoTags[0] ?? '')
  assert.equal(tags.length, 2)
  const roots: Buffer[] = []
  for (const tag of tags) {
    const result = await bench.run([
      'export',
      join(GOLDEN, 'bases/base-multi.tar'),
      '--image',
      tag,
      '-o',
      'root.tar',
      '-q',
    ])
    assert.equal(result.status, 0, result.stderr)
    roots.push(readFileSync(join(bench.path, 'root.tar')))
  }
  assert.notDeepEqual(roots[0], roots[1])
  const args = ['export', join(GOLDEN, 'bases/base-multi.tar'), '--image', 'gone:1', '-o', 'x', '--log-format=json']
  const message = new RegExp(`no image "gone:1", it has "${tags.join('", "')}"`)
  assertFailed(await bench.run(args), { code: 'DEFINITION_INVALID', message })
})

test('contents of all sizes come through export as they are', async () => {
  await using bench = await makeBench()
  const sizes = [0, 1, 511, 512, 513, 262_143, 262_144, 262_145, 524_288, 1_048_575, 1_048_577, 2_500_000]
  const bodies = sizes.map((size, index) => Buffer.alloc(size, `${index}-`))
  const layers = [0, 1].map((odd) => {
    const members = bodies.map((body, index) => ({ name: `${(index * 7) % sizes.length}-${sizes[index]}`, body }))
    return { tar: makeTar(members.filter((_, index) => index % 2 === odd)) }
  })
  writeFileSync(join(bench.path, 'image.tar'), tarOf(dockerFiles(layers)))
  const result = await bench.run(['export', 'image.tar', '-o', 'root.tar', '-q'])
  assert.equal(result.status, 0, result.stderr)
  const listing = listTar(readFileSync(join(bench.path, 'root.tar')))
  for (const [index, body] of bodies.entries()) {
    const name = `./${(index * 7) % sizes.length}-${sizes[index]}`
    assert.ok(memberNamed(listing, name).body.equals(body), name)
  }
  assert.equal(listing.members.length, sizes.length + 1)
})

test('inspect tells sizes, what made a layer, store paths, and bytes that are hidden', async () => {
  await using bench = await makeBench()
  const store = 'nix/store/00000000000000000000000000000000-thing'
  const layers = [
    {
      tar: makeTar([
        { name: `${store}/bin/x`, body: 'x'.repeat(100) },
        { name: 'etc/a', body: 'a'.repeat(30) },
      ]),
    },
    {
      tar: makeTar([
        { name: 'etc/a', body: 'b' },
        { name: 'l', type: '1', link: 'etc/a' },
      ]),
      compression: 'gz' as const,
    },
  ]
  const history = [
    { created_by: 'first', comment: 'of two' },
    { created_by: 'nothing', empty_layer: true },
    { created_by: 'second' },
  ]
  const layout = new MadeLayout()
  const config = { history, created: '1970-01-01T00:00:01Z', config: { Cmd: ['/x'] } }
  writeFilesTo(join(bench.path, 'layout'), layout.index(layout.image(layers, config)))
  const result = await bench.run(['inspect', 'layout', '--json'])
  assert.equal(result.status, 0, result.stderr)
  const [report] = JSON.parse(result.stdout.toString()) as [Readonly<Record<string, unknown>>]
  const [first, second] = report['layers'] as readonly Readonly<Record<string, unknown>>[]
  assert.equal(report['imageId'], `sha256:${sha256(makeConfig(layers, config))}`)
  assert.deepEqual(
    [report['wastedBytes'], report['bytes'], report['created'], report['config']],
    [30, (layers[0]?.tar.length ?? 0) + (layers[1]?.tar.length ?? 0), '1970-01-01T00:00:01Z', { Cmd: ['/x'] }],
  )
  assert.deepEqual(
    [first?.['wastedBytes'], first?.['createdBy'], first?.['comment'], first?.['storePaths'], first?.['files']],
    [30, 'first', 'of two', [`/${store}`], 2],
  )
  assert.deepEqual([second?.['wastedBytes'], second?.['createdBy'], second?.['compression']], [0, 'second', 'gz'])
  const text = (await bench.run(['inspect', 'layout'])).stdout.toString()
  assert.match(text, /30 bytes wasted/)
  assert.match(text, new RegExp(`/${store}`))
})
