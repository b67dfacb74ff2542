import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { assertFailed } from '../hostile/expect-refusal.ts'
import { listTar, memberNamed } from '../support/list-tar.ts'
import { dockerFiles, MadeLayout, makeConfig, sha256, tarOf, writeFilesTo } from '../support/make-image.ts'
import { makeTar } from '../support/make-tar.ts'
import { type Bench, makeBench } from '../support/run-cli.ts'

/** Two layers with something for both functions to get wrong: an environment, and a store path that is there already. */
const LAYERS = [
  { tar: makeTar([{ name: 'etc/below', body: 'below' }]) },
  { tar: makeTar([{ name: 'etc/above', body: 'above'.repeat(300) }]), compression: 'gz' as const },
]
const CONFIG = { config: { Env: ['A=below'] } }
const NAME = { 'io.containerd.image.name': 'docker.io/library/base:1' }

interface DockerManifest {
  readonly Config: string
  readonly RepoTags: readonly string[] | null
  readonly Layers: readonly string[]
}

async function benchWithBases(): Promise<Bench> {
  const bench = await makeBench()
  const layout = new MadeLayout()
  const files = layout.index({ ...layout.image(LAYERS, CONFIG), annotations: NAME })
  writeFilesTo(join(bench.path, 'layout'), files)
  writeFileSync(join(bench.path, 'oci.tar'), tarOf(files))
  writeFileSync(join(bench.path, 'oci.tar.gz'), gzipSync(tarOf(files)))
  mkdirSync(join(bench.path, 'root'))
  writeFileSync(join(bench.path, 'root/file'), 'own')
  return bench
}

async function stream(bench: Bench, definition: object): Promise<ReturnType<typeof listTar>> {
  const result = await bench.run(['stream', '-', '-q'], { stdin: JSON.stringify(definition) })
  assert.equal(result.status, 0, result.stderr)
  return listTar(result.stdout)
}

function manifestOf(listing: ReturnType<typeof listTar>): readonly DockerManifest[] {
  return JSON.parse(memberNamed(listing, 'manifest.json').body.toString()) as readonly DockerManifest[]
}

for (const fromImage of ['./layout', './oci.tar', './oci.tar.gz']) {
  test(`buildImage stands on the OCI image ${fromImage}`, async () => {
    await using bench = await benchWithBases()
    const args = { name: 'top', tag: '1', copyToRoot: './root', fromImage, config: { Env: ['B=top'] } }
    const listing = await stream(bench, { function: 'buildImage', args })
    const [manifest] = manifestOf(listing)
    assert.ok(manifest)
    assert.equal(manifest.Layers.length, 3)
    const bodies = manifest.Layers.map((name) => memberNamed(listing, name).body)
    assert.ok(bodies[0]?.equals(LAYERS[0]?.tar ?? Buffer.alloc(0)))
    assert.ok(bodies[1]?.equals(LAYERS[1]?.tar ?? Buffer.alloc(0)))
    assert.equal(memberNamed(listTar(bodies[2] ?? Buffer.alloc(0)), './file').body.toString(), 'own')
    const config = JSON.parse(memberNamed(listing, manifest.Config).body.toString()) as {
      readonly config: unknown
      readonly rootfs: { readonly diff_ids: readonly string[] }
    }
    assert.deepEqual(config.config, { Env: ['A=below', 'B=top'] })
    assert.deepEqual(
      config.rootfs.diff_ids,
      bodies.map((body) => `sha256:${sha256(body)}`),
    )
    const json = JSON.parse(
      memberNamed(listing, (manifest.Layers[2] ?? '').replace('layer.tar', 'json')).body.toString(),
    )
    assert.equal((json as { readonly parent: string }).parent, sha256(makeConfig(LAYERS, CONFIG)))
    // Nothing of the base's configuration or manifest is left behind.
    const texts = listing.members.map(({ row }) => row.name as string).filter((name) => name.endsWith('.json'))
    assert.deepEqual(texts.toSorted(), [manifest.Config, 'manifest.json'].toSorted())
  })
}

test('fromImageName picks an OCI image by its name, and says which there are', async () => {
  await using bench = await benchWithBases()
  const args = { name: 'top', tag: '1', copyToRoot: './root', fromImage: './oci.tar', fromImageTag: '1' }
  const picked = await stream(bench, { function: 'buildImage', args: { ...args, fromImageName: 'base' } })
  assert.equal(manifestOf(picked)[0]?.Layers.length, 3)
  const definition = { function: 'buildImage', args: { ...args, fromImageName: 'other' } }
  const refused = await bench.run(['stream', '-', '--log-format=json'], { stdin: JSON.stringify(definition) })
  assertFailed(refused, { code: 'DEFINITION_INVALID', message: /no image with name "other" and tag "1"/ })
})

for (const functionName of ['buildImage', 'streamLayeredImage']) {
  test(`${functionName} takes the image for its architecture out of an index of several`, async () => {
    await using bench = await benchWithBases()
    const layout = new MadeLayout()
    const descriptors = ['amd64', 'arm64'].map((architecture) => ({
      ...layout.image(LAYERS, { architecture, config: { Env: [`ARCH=${architecture}`] } }),
      platform: { os: 'linux', architecture },
      annotations: NAME,
    }))
    writeFilesTo(join(bench.path, 'both'), layout.index(...descriptors))
    for (const architecture of ['amd64', 'arm64']) {
      const args = { name: 'top', tag: '1', architecture, fromImage: './both' }
      const listing = await stream(bench, { function: functionName, args })
      const config = memberNamed(listing, manifestOf(listing)[0]?.Config ?? '').body.toString()
      assert.deepEqual((JSON.parse(config) as { readonly config: unknown }).config, { Env: [`ARCH=${architecture}`] })
    }
  })
}

test('mergeImages joins OCI images with docker-archives, and has an image of both kinds once', async () => {
  await using bench = await benchWithBases()
  const other = [LAYERS[0] ?? { tar: Buffer.alloc(0) }, { tar: makeTar([{ name: 'etc/other', body: 'other' }]) }]
  writeFileSync(join(bench.path, 'docker.tar'), tarOf(dockerFiles(other)))
  const listing = await stream(bench, {
    function: 'mergeImages',
    args: { images: ['./docker.tar', './layout', './oci.tar.gz'] },
  })
  const manifest = manifestOf(listing)
  // The layout and the archive hold the same image.
  assert.equal(manifest.length, 2)
  assert.deepEqual(manifest[1]?.RepoTags, ['base:1'])
  for (const [index, layers] of [other, LAYERS].entries()) {
    assert.deepEqual(
      manifest[index]?.Layers.map((name) => sha256(memberNamed(listing, name).body)),
      layers.map(({ tar }) => sha256(tar)),
    )
  }
  assert.equal(memberNamed(listing, manifest[1]?.Config ?? '').body.toString(), makeConfig(LAYERS, CONFIG).toString())
})

test('mergeImages compresses as the OCI archive that comes last', async () => {
  await using bench = await benchWithBases()
  const result = await bench.run(['merge', 'layout', 'oci.tar.gz', '-o', 'merged', '-q'])
  assert.equal(result.status, 0, result.stderr)
  assert.deepEqual([...readFileSync(join(bench.path, 'merged')).subarray(0, 2)], [0x1f, 0x8b])
})

test('a layer that is not what an OCI image says is refused', async () => {
  await using bench = await benchWithBases()
  const layout = new MadeLayout()
  const files = new Map(layout.index(layout.image(LAYERS, CONFIG)))
  const name = `blobs/sha256/${sha256(LAYERS[0]?.tar ?? Buffer.alloc(0))}`
  files.set(name, makeTar([{ name: 'etc/below', body: 'other' }]))
  writeFilesTo(join(bench.path, 'broken'), files)
  const definitions = [
    { function: 'buildImage', args: { name: 'top', tag: '1', fromImage: './broken' } },
    { function: 'mergeImages', args: { images: ['./broken'] } },
  ]
  for (const definition of definitions) {
    const result = await bench.run(['stream', '-', '--log-format=json'], { stdin: JSON.stringify(definition) })
    assertFailed(result, { code: 'DIGEST_MISMATCH', message: /layer/ })
  }
})
