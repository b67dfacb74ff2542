import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import {
  buildImage,
  buildLayeredImage,
  multiPlatformImage,
  pushImage,
  type PushOptions,
  streamLayeredImage,
} from '#docker-tools'
import type { BuildEvent } from '#events'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts'
import { BUSYBOX, needs, needsRoot } from './needs.ts'
import { noise } from './registry-images.ts'
import { run } from './run.ts'
import { addBusybox, makeWorkshop, type Workshop, writeFiles } from './workshop.ts'
import { useOwnHome } from '../support/own-home.ts'

useOwnHome()

/** What `skopeo inspect --raw` says of an image or an index. */
interface RawManifest {
  readonly mediaType: string
  readonly config: { readonly mediaType: string; readonly digest: string }
  readonly layers: readonly { readonly mediaType: string; readonly digest: string; readonly size: number }[]
  readonly manifests: readonly { readonly digest: string; readonly platform: Readonly<Record<string, string>> }[]
}

suite('dockertools push to a real registry', needs('docker-registry', 'skopeo', BUSYBOX), () => {
  let shop: Workshop
  let registry: DockerRegistry

  before(async () => {
    shop = await makeWorkshop()
    await addBusybox(join(shop.path, 'busybox'))
    await writeFiles(shop.path, { 'below/base': 'base', 'other/file': 'other' })
    await writeFile(join(shop.path, 'other/noise'), noise(3_000_000))
    registry = await startDockerRegistry()
  })
  after(async () => {
    await registry?.[Symbol.asyncDispose]()
    await shop?.[Symbol.asyncDispose]()
  })

  const IMAGE = { name: 'pushed', tag: '1', config: { Cmd: ['/bin/cat', '/base'] }, architecture: 'amd64' }
  const image = (more: object = {}) =>
    streamLayeredImage({ ...IMAGE, contents: ['./busybox', './below', './other'], ...more })

  /** Pushes with a cache of its own, and gives what was done with each blob. */
  async function push(what: Parameters<typeof pushImage>[0], name: string, options: PushOptions = {}) {
    const outcomes: string[] = []
    const onEvent = (event: BuildEvent): void => {
      if (event.type === 'pushed-blob') outcomes.push(event.outcome)
    }
    const place = { baseDirectory: shop.path, cacheDirectory: join(shop.path, 'own-cache') }
    const summary = await pushImage(what, `${registry.host}/${name}`, { ...place, onEvent, ...options })
    return { ...summary, outcomes: outcomes.toSorted() }
  }

  async function raw(name: string): Promise<{ readonly manifest: RawManifest; readonly digest: string }> {
    const args = ['inspect', '--raw', '--tls-verify=false', `docker://${registry.host}/${name}`]
    const text = await run({ program: 'skopeo', args })
    const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`
    return { manifest: JSON.parse(text) as RawManifest, digest }
  }

  async function imageId(recipe: ReturnType<typeof image>): Promise<string> {
    const { imageId: id } = await recipe.writeTo({ write: () => undefined }, { baseDirectory: shop.path })
    return id
  }

  test('names manifest, configuration and layers as the format does', async () => {
    const types = { oci: 'application/vnd.oci.image', docker: 'application/vnd.docker' }
    const layers = (manifest: RawManifest): readonly string[] => [
      ...new Set(manifest.layers.map((layer) => layer.mediaType)),
    ]
    const expected = [
      ['oci', 'gz', `${types.oci}.manifest.v1+json`, `${types.oci}.layer.v1.tar+gzip`],
      ['oci', 'zstd', `${types.oci}.manifest.v1+json`, `${types.oci}.layer.v1.tar+zstd`],
      ['oci', 'none', `${types.oci}.manifest.v1+json`, `${types.oci}.layer.v1.tar`],
      ['docker', 'gz', `${types.docker}.distribution.manifest.v2+json`, `${types.docker}.image.rootfs.diff.tar.gzip`],
      ['docker', 'none', `${types.docker}.distribution.manifest.v2+json`, `${types.docker}.image.rootfs.diff.tar`],
    ] as const
    const id = await imageId(image())
    for (const [format, compress, manifestType, layerType] of expected) {
      const pushed = await push(image(), `types:${format}-${compress}`, { format, compress })
      const { manifest, digest } = await raw(`types:${format}-${compress}`)
      assert.equal(pushed.digest, digest)
      assert.deepEqual(pushed.references, [`${registry.host}/types:${format}-${compress}@${digest}`])
      assert.deepEqual([manifest.mediaType, ...layers(manifest)], [manifestType, layerType])
      assert.equal(manifest.config.digest, id)
    }
  })

  test('has one digest for an image, however often and from whatever it is pushed', async () => {
    const first = await push(image(), 'same:1')
    const again = await push(image(), 'same:2')
    assert.deepEqual([again.digest, again.uploadedBytes], [first.digest, 0])
    assert.deepEqual(new Set(again.outcomes), new Set(['there']))
    const uncached = await push(image(), 'same-elsewhere:1', { cacheDirectory: null, threads: 2 })
    assert.equal(uncached.digest, first.digest)
    const archive = await shop.stream('pushed', { ...IMAGE, contents: ['./busybox', './below', './other'] })
    assert.equal((await push(archive, 'same:3')).digest, first.digest)
    await run({ program: 'gzip', args: ['-k', archive] })
    assert.equal((await push(`${archive}.gz`, 'same:4', { cacheDirectory: null })).digest, first.digest)
  })

  test('keeps the layers of an OCI archive as they are, unless they are to be others', async () => {
    const args = { ...IMAGE, contents: ['./below'], compressor: 'zstd' }
    const definition = await shop.define('kept', 'buildLayeredImage', args)
    const archive = join(shop.path, 'kept.oci.tar')
    await run(shop.command('build', definition, '--format', 'oci-archive', '-o', archive))
    const kept = await push(archive, 'kept:1')
    const { manifest } = await raw('kept:1')
    // The definition itself gives the same: it says zstd, too.
    const recipe = buildLayeredImage({ ...IMAGE, contents: ['./below'], compressor: 'zstd' })
    assert.equal((await push(recipe, 'kept:0')).digest, kept.digest)
    const index = JSON.parse(await run({ program: 'tar', args: ['-xOf', archive, 'index.json'] })) as RawManifest
    assert.equal(kept.digest, index.manifests[0]?.digest)
    assert.ok(manifest.layers.every((layer) => layer.mediaType.endsWith('+zstd')))
    const other = await push(archive, 'kept:2', { compress: 'gz' })
    assert.equal(other.digest, (await push(image({ contents: ['./below'] }), 'kept:3')).digest)
    assert.deepEqual((await push(archive, 'kept:4')).uploadedBytes, 0)
  })

  test('mounts what another repository of the registry has', async () => {
    const source = await push(image({ config: { Env: ['A=1'] } }), 'team/source:1')
    const remembered = await push(image({ config: { Env: ['A=1'] } }), 'team/target:1')
    assert.deepEqual([remembered.digest, remembered.uploadedBytes], [source.digest, 0])
    assert.deepEqual(new Set(remembered.outcomes), new Set(['mounted']))
    const told = { cacheDirectory: join(shop.path, 'other-cache'), mountFrom: ['no/such', 'team/source'] }
    assert.equal((await push(image({ config: { Env: ['A=1'] } }), 'told:1', told)).uploadedBytes, 0)
  })

  test('uploads in pieces where it is asked to', async () => {
    const pieces = { uploadChunkBytes: 1_000_000, cacheDirectory: null, compress: 'none' } as const
    const pushed = await push(image(), 'pieces:1', pieces)
    assert.equal(pushed.digest, (await push(image(), 'whole:1', { compress: 'none' })).digest)
    const target = `oci:${join(shop.path, 'pieces')}:1`
    const copy = [
      '--insecure-policy',
      'copy',
      '-q',
      '--src-tls-verify=false',
      `docker://${registry.host}/pieces:1`,
      target,
    ]
    await run({ program: 'skopeo', args: copy })
  })

  test('pushes all platforms with an index, or the one that is asked for', async () => {
    const made = multiPlatformImage({
      images: {
        amd64: image({ contents: ['./below'] }),
        'linux/arm64/v8': image({ contents: ['./below'], architecture: 'arm64' }),
      },
    })
    for (const [format, type] of [
      ['oci', 'application/vnd.oci.image.index.v1+json'],
      ['docker', 'application/vnd.docker.distribution.manifest.list.v2+json'],
    ] as const) {
      const pushed = await push(made, `several:${format}`, { format, tags: ['more'] })
      const { manifest, digest } = await raw(`several:${format}`)
      assert.equal((await raw('several:more')).digest, digest)
      assert.deepEqual([pushed.digest, manifest.mediaType], [digest, type])
      const platforms = manifest.manifests.map(({ platform }) => platform)
      const variant = { architecture: 'arm64', os: 'linux', variant: 'v8' }
      assert.deepEqual(platforms, [{ architecture: 'amd64', os: 'linux' }, variant])
      for (const { digest: child } of manifest.manifests) {
        assert.equal((await raw(`several@${child}`)).digest, child)
      }
    }
    const one = await push(made, 'one:1', { platform: 'linux/arm64' })
    const { manifests } = (await raw('several:oci')).manifest
    assert.equal(one.digest, manifests[1]?.digest)
  })

  test('picks an image of a merged archive, and refuses to guess', async () => {
    await shop.stream('first', { ...IMAGE, name: 'first', contents: ['./below'] })
    await shop.stream('second', { ...IMAGE, name: 'second', contents: ['./other'] })
    await run(shop.command('merge', 'first.tar', 'second.tar', '-o', 'both.tar'))
    const both = join(shop.path, 'both.tar')
    await assert.rejects(push(both, 'x:1'), { code: 'DEFINITION_INVALID', message: /it has 2 images, one should/ })
    await assert.rejects(push(both, 'x:1', { image: 'third' }), /it has no image "third"/)
    const picked = await push(both, 'x:1', { image: 'second' })
    assert.equal(picked.digest, (await push(join(shop.path, 'second.tar'), 'x:2')).digest)
  })

  test('pushes images of buildImage', async () => {
    const recipe = buildImage({ name: 'built', tag: 'x', copyToRoot: './below', config: { Cmd: ['/base'] } })
    const { imageId: id } = await recipe.writeTo({ write: () => undefined }, { baseDirectory: shop.path })
    await push(recipe, 'built:1')
    assert.equal((await raw('built:1')).manifest.config.digest, id)
    const onTop = buildImage({ name: 'on-top', tag: 'x', fromImage: recipe, copyToRoot: './other' })
    const { imageId: topId } = await onTop.writeTo({ write: () => undefined }, { baseDirectory: shop.path })
    await push(onTop, 'on-top:1')
    const { manifest } = await raw('on-top:1')
    assert.deepEqual([manifest.config.digest, manifest.layers.length], [topId, 2])
  })

  test('prints a reference for each tag, and leaves nothing but its cache', async () => {
    const definition = await shop.define('cli', 'streamLayeredImage', { ...IMAGE, contents: ['./below'] })
    const command = shop.command('push', definition, `${registry.host}/cli:1`, '--tag', '1.2', '--tag', 'latest')
    const printed = await run({ ...command, env: { ...command.env, TMPDIR: join(shop.path, 'other') } })
    const { digest } = await raw('cli:latest')
    const lines = ['1', '1.2', 'latest'].map((tag) => `${registry.host}/cli:${tag}@${digest}\n`)
    assert.equal(printed, lines.join(''))
    assert.deepEqual(readdirSync(join(shop.path, 'other')).toSorted(), ['file', 'noise'])
    const blobs = readdirSync(join(shop.path, 'cache/dockertools/packed-v1/blobs'))
    assert.ok(blobs.every((name) => /^[0-9a-f]{64}$/.test(name)))
  })

  test('goes where the image’s own name says, and to "latest" without a tag', async () => {
    const options = { baseDirectory: shop.path, cacheDirectory: null }
    const named = await pushImage(image({ name: `${registry.host}/own`, tag: '7' }), undefined, options)
    assert.deepEqual(named.references, [`${registry.host}/own:7@${(await raw('own:7')).digest}`])
    const [latest] = (await push(image(), 'own')).references
    assert.match(latest ?? '', /\/own:latest@sha256:/)
  })

  suite('pulled again', needsRoot('dockerd', 'docker', 'podman', 'runc', 'unshare'), () => {
    let daemon: DockerDaemon

    before(async () => {
      daemon = await startDockerDaemon(join(shop.path, 'd'))
    })
    after(() => daemon?.[Symbol.asyncDispose]())

    test('has the same image ID in Docker, podman and skopeo', async () => {
      const state = ['--root', join(shop.path, 'p'), '--runroot', join(shop.path, 'r'), '--storage-driver', 'vfs']
      for (const [index, [format, compress]] of (
        [
          ['oci', 'gz'],
          ['docker', 'gz'],
          ['oci', 'none'],
          ['oci', 'zstd'],
        ] as const
      ).entries()) {
        // An image of its own each: what an engine knows it does not fetch again.
        const recipe = image({ config: { ...IMAGE.config, Env: [`N=${index}`] }, contents: ['./busybox', './below'] })
        const id = await imageId(recipe)
        const name = `${registry.host}/pulled:${index}`
        await push(recipe, `pulled:${index}`, { format, compress })
        // Docker 20.10 reads no zstd.
        if (compress !== 'zstd') {
          await daemon.docker('pull', '-q', name)
          assert.equal((await daemon.inspect(name)).Id, id)
          assert.equal(await daemon.docker('run', '--rm', name), 'base')
        }
        const pulled = await run({ program: 'podman', args: [...state, 'pull', '-q', '--tls-verify=false', name] })
        assert.equal(`sha256:${pulled.trim()}`, id)
        const inspect = ['inspect', '--config', '--raw', '--tls-verify=false', `docker://${name}`]
        const config = await run({ program: 'skopeo', args: inspect })
        assert.equal(`sha256:${createHash('sha256').update(config).digest('hex')}`, id)
      }
    })
  })
})
