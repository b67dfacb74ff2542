import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  type BuildOptions,
  buildImage,
  mergeImages,
  pullArchive,
  pullImage,
  type PullImageArgs,
  recipeFromDefinition,
  streamLayeredImage,
} from '#docker-tools'
import type { DockerToolsError, IntegrityError } from '#errors'
import { parseJson } from '#image'
import { parseReference } from '#registry'
import { formatHash, makeFixedOutputPath, parseHash } from '#store'
import { makeTempDir, type TempDir } from '#util'
import { collectEvents, collectingSink } from '../support/collect.ts'
import { digestOfBytes, type Holdings, serveHoldings, startServer, type TestServer } from '../support/fake-registry.ts'
import { listTar } from '../support/list-tar.ts'
import { config, encodeShape, gzipLayer, plainTar, type Shape } from '../interop/registry-images.ts'

const TARS = [plainTar('etc-file', 'one'), plainTar('other', 'two')]
const SHAPE: Shape = {
  name: 'team/app',
  way: 'put',
  images: [{ layers: TARS.map((tar) => gzipLayer(tar)), config: config(TARS) }],
}
const patience = { attempts: 2, firstDelayMs: 1, maxDelayMs: 5, stallMs: 5000 }

describe('pullImage()', () => {
  let scratch: TempDir
  let server: TestServer
  let holdings: Holdings
  let args: PullImageArgs
  let archive: Buffer
  let options: BuildOptions

  before(async () => {
    scratch = await makeTempDir('pull-image-')
    const { blobs, manifests } = encodeShape(SHAPE)
    const [manifest] = manifests
    const digest = digestOfBytes(manifest!.bytes)
    holdings = { blobs, manifests: new Map([[digest, manifest!.bytes]]) }
    server = await startServer((request, response) => serveHoldings(holdings, request, response))
    options = { cacheDirectory: null, environment: { HOME: scratch.path }, stores: [`local:${scratch.path}/store`] }
    const sink = collectingSink()
    const reference = parseReference(`${server.host}/team/app@${digest}`)
    const platform = { os: 'linux', architecture: 'amd64', variant: undefined }
    await pullArchive({ reference, platform, finalName: parseReference('app:1') }, sink, options)
    archive = sink.bytes()
    const hash = `sha256-${createHash('sha256').update(archive).digest('base64')}`
    args = {
      imageName: `${server.host}/team/app`,
      imageDigest: digest,
      hash,
      finalImageName: 'app',
      finalImageTag: '1',
    }
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await scratch[Symbol.asyncDispose]()
  })

  /** The arguments with the hash in another form. */
  function withHash(hash: Partial<PullImageArgs>): PullImageArgs {
    const { hash: _, ...others } = args
    return { ...others, ...hash }
  }

  async function written(given: PullImageArgs, more: BuildOptions = {}): Promise<Buffer> {
    const sink = collectingSink()
    await pullImage(given).writeTo(sink, { ...options, ...more })
    return sink.bytes()
  }

  test('takes the hash in all forms that people have', async () => {
    const sha256 = createHash('sha256').update(archive).digest('hex')
    const nix32 = formatHash(parseHash(sha256, 'sha256'), 'nix32')
    const sha512 = createHash('sha512').update(archive).digest('hex')
    for (const hash of [
      { sha256 },
      { sha256: nix32 },
      { sha256: args.hash! },
      { hash: args.hash! },
      { outputHash: nix32, outputHashAlgo: 'sha256' },
      { outputHash: sha512, outputHashAlgo: 'sha512' },
      { outputHash: args.hash! },
      { hash: args.hash!, sha256: null, outputHash: null },
    ]) {
      assert.ok((await written(withHash(hash))).equals(archive), JSON.stringify(hash))
    }
  })

  test('another hash is told as Nix tells it, and the archive has no end', async () => {
    const wrong = `sha256-${Buffer.alloc(32, 7).toString('base64')}`
    const sink = collectingSink()
    await assert.rejects(pullImage(withHash({ hash: wrong })).writeTo(sink, options), (error: IntegrityError) => {
      assert.equal(error.code, 'DIGEST_MISMATCH')
      assert.ok(error.message.endsWith(`hash mismatch\n         specified: ${wrong}\n            got:    ${args.hash}`))
      assert.deepEqual([error.expected, error.actual], [wrong, args.hash])
      return true
    })
    assert.ok(!listTar(sink.bytes()).hasEndMarker)
    assert.ok(archive.subarray(0, sink.bytes().length).equals(sink.bytes()))
  })

  test('an empty hash is a question', async () => {
    const { events, onEvent } = collectEvents()
    await assert.rejects(written(withHash({ hash: '' }), { onEvent }), { actual: args.hash })
    const fake = `sha256-${'A'.repeat(43)}=`
    assert.ok(
      events.some((event) => event.type === 'warning' && event.message === `found empty hash, assuming '${fake}'`),
    )
  })

  for (const [what, change, message] of [
    ['no hash', { hash: null }, /fetcher called without "hash"/],
    ['two hashes', { sha256: 'x' }, /mutually-incompatible arguments: hash, sha256/],
    ['a hash that is none', { hash: 'sha256-x' }, /argument "hash" should be a hash/],
    ['a bare hash of no algorithm', { hash: null, outputHash: 'a'.repeat(64) }, /argument "outputHash"/],
    ['another algorithm', { hash: null, outputHash: 'a', outputHashAlgo: 'crc32' }, /argument "outputHashAlgo"/],
    ['a tag in the name', { imageName: 'redis:7' }, /should have no tag/],
    ['a digest that is none', { imageDigest: 'sha256:1' }, /its digest should be/],
    ['a name that is none', { imageName: 'Redis' }, /the part "Redis"/],
    ['a final name that is none', { finalImageName: 'A B' }, /Cannot use image "A B:1"/],
    ['a final tag that is none', { finalImageTag: 'a/b' }, /Cannot use image/],
    ['an architecture that is none', { arch: '' }, /argument "arch"/],
    ['tlsVerify that is a text', { tlsVerify: 'no' }, /argument "tlsVerify"/],
    ['a slip', { imageDigst: 'x' }, /the nearest is "imageDigest"/],
    ['a name for the store that is none', { name: 'a/b' }, /argument "name"/],
  ] as const) {
    test(`refuses ${what}`, () => {
      assert.throws(
        () => pullImage({ ...args, ...change } as PullImageArgs),
        (error: DockerToolsError) => {
          assert.equal(error.code, 'DEFINITION_INVALID')
          assert.match(error.message, message)
          return true
        },
      )
    })
  }

  test('is where Nix has a fixed output, and called as upstream calls it', async () => {
    const image = pullImage(args)
    const expected = makeFixedOutputPath('flat', parseHash(args.hash!), 'docker-image-app-1.tar')
    assert.equal(await image.outputPath(options), expected)
    assert.equal(await image.imageTag(), '1')
    assert.equal(image.imageName, 'app')
    const named = pullImage({ ...args, finalImageName: 'r.io:1/a/b', name: 'my.tar' })
    assert.match(await named.outputPath(options), /-my\.tar$/)
    const long = pullImage({ ...args, finalImageName: 'r.io:1/a/b' })
    assert.match(await long.outputPath(options), /-docker-image-r\.io-1-a-b-1\.tar$/)
  })

  test('gives nothing another name: the hash is that of the whole archive', async () => {
    await assert.rejects(pullImage(args).writeTo(collectingSink(), { ...options, repoTag: 'x:1' }), {
      code: 'DEFINITION_INVALID',
    })
  })

  test('is a base image, for layered images and for others, and can be merged', async () => {
    const base = pullImage(args)
    const layers = TARS.map(digestOfBytes)
    const diffIds = (bytes: Buffer): unknown => {
      const { members } = listTar(bytes)
      const text = (name: string) => members.find(({ row }) => row.name === name)?.body.toString() ?? ''
      const [manifest] = JSON.parse(text('manifest.json')) as { Config: string }[]
      return (JSON.parse(text(manifest?.Config ?? '')) as { rootfs: { diff_ids: string[] } }).rootfs.diff_ids
    }
    for (const recipe of [
      streamLayeredImage({ name: 'on-top', tag: '1', fromImage: base }),
      buildImage({ name: 'on-top', tag: '1', fromImage: base }),
    ]) {
      const sink = collectingSink()
      await recipe.writeTo(sink, options)
      assert.deepEqual((diffIds(sink.bytes()) as string[]).slice(0, 2), layers)
    }
    const merged = collectingSink()
    await mergeImages([base, streamLayeredImage({ name: 'b', tag: '2' })]).writeTo(merged, options)
    const manifest = listTar(merged.bytes()).members.find(({ row }) => row.name === 'manifest.json')
    const tags = (JSON.parse(manifest?.body.toString() ?? '[]') as { RepoTags: string[] }[]).map((one) => one.RepoTags)
    assert.deepEqual(tags, [['docker.io/library/app:1'], ['b:2']])
  })

  test('is a definition, alone and inside others', async () => {
    const definition = { function: 'pullImage', args }
    const alone = recipeFromDefinition(parseJson(JSON.stringify(definition), 'definition'))
    const sink = collectingSink()
    await alone.writeTo(sink, options)
    assert.ok(sink.bytes().equals(archive))
    const inside = { function: 'streamLayeredImage', args: { name: 'x', tag: '1', fromImage: definition } }
    const summary = await recipeFromDefinition(parseJson(JSON.stringify(inside), 'definition')).writeTo(
      collectingSink(),
      options,
    )
    assert.deepEqual(summary.layers.slice(0, 2), TARS.map(digestOfBytes))
  })

  describe('with a cache', () => {
    async function cached() {
      const folder = await makeTempDir('cache-')
      await written(args, { cacheDirectory: folder.path })
      const blobs = join(folder.path, 'blobs', 'sha256')
      return { ...folder, path: folder.path, blobs, names: readdirSync(blobs) }
    }

    test('needs no network where it has everything', async () => {
      await using cache = await cached()
      assert.equal(cache.names.length, 4)
      for (const name of cache.names) {
        assert.equal(digestOfBytes(readFileSync(join(cache.blobs, name))), `sha256:${name}`)
      }
      const asked = server.requests.length
      assert.ok((await written(args, { cacheDirectory: cache.path })).equals(archive))
      assert.equal(server.requests.length, asked)
    })

    test('notices what is damaged, and fetches that alone', async () => {
      await using cache = await cached()
      for (const [index, name] of cache.names.entries()) {
        const file = join(cache.blobs, name)
        const bytes = readFileSync(file)
        const damages: readonly (() => void)[] = [
          () => truncateSync(file, bytes.length - 1),
          () => writeFileSync(file, Buffer.concat([bytes.subarray(0, -1), Buffer.from([bytes.at(-1)! ^ 1])])),
          () => writeFileSync(file, Buffer.alloc(bytes.length)),
          () => writeFileSync(file, ''),
        ]
        for (const damage of damages) {
          damage()
          const asked = server.requests.filter(({ url }) => url !== '/v2/').length
          assert.ok((await written(args, { cacheDirectory: cache.path })).equals(archive), `${index}`)
          assert.equal(server.requests.filter(({ url }) => url !== '/v2/').length, asked + 1)
          assert.ok(readFileSync(file).equals(bytes))
        }
      }
    })

    test('that cannot be written is none', async () => {
      await using folder = await makeTempDir('cache-')
      writeFileSync(join(folder.path, 'blobs'), 'a file')
      assert.ok((await written(args, { cacheDirectory: folder.path })).equals(archive))
    })

    test('keeps nothing of what is wrong', async () => {
      const [layer] = SHAPE.images[0]!.layers
      const wrong = new Map(holdings.blobs).set(digestOfBytes(layer!.bytes), gzipLayer(plainTar('x', 'evil')).bytes)
      await using evil = await startServer((request, response) =>
        serveHoldings({ ...holdings, blobs: wrong }, request, response),
      )
      await using folder = await makeTempDir('cache-')
      const given = { ...args, imageName: `${evil.host}/team/app` }
      await assert.rejects(written(given, { cacheDirectory: folder.path }), (error: IntegrityError) =>
        ['DIGEST_MISMATCH', 'SIZE_MISMATCH'].includes(error.code),
      )
      for (const name of readdirSync(join(folder.path, 'blobs', 'sha256'))) {
        assert.equal(digestOfBytes(readFileSync(join(folder.path, 'blobs', 'sha256', name))), `sha256:${name}`)
      }
    })
  })

  test('a layer that is kept elsewhere comes from the registry, or not at all', async () => {
    await using elsewhere = await startServer((_, response) => response.end('never'))
    const [manifest] = encodeShape(SHAPE).manifests
    const foreign = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'
    const parsed = JSON.parse(manifest!.bytes.toString()) as { layers: Record<string, unknown>[] }
    Object.assign(parsed.layers[0]!, { mediaType: foreign, urls: [`${elsewhere.origin}/layer`] })
    const bytes = Buffer.from(JSON.stringify(parsed))
    const manifests = new Map([[digestOfBytes(bytes), bytes]])
    const blobs = new Map(holdings.blobs)
    await using own = await startServer((request, response) => serveHoldings({ blobs, manifests }, request, response))
    const given = { ...args, imageName: `${own.host}/team/app`, imageDigest: digestOfBytes(bytes) }
    assert.ok((await written(given)).equals(archive))
    blobs.delete(String(parsed.layers[0]!['digest']))
    await assert.rejects(written(given), { code: 'FORMAT_UNSUPPORTED', message: /is kept outside of the registry/ })
    assert.equal(elsewhere.requests.length, 0)
  })

  test('a name that only stands for a plain server is told so, with what to do', async () => {
    // A proxy that takes every host for the plain server.
    const { createServer } = await import('node:http')
    const { connect } = await import('node:net')
    const proxy = createServer()
    proxy.on('connect', (_, socket) => {
      const upstream = connect(Number(server.host.split(':')[1]), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(upstream).pipe(socket)
      })
      upstream.on('error', () => socket.destroy())
      socket.on('error', () => upstream.destroy())
    })
    await new Promise<void>((resolve) => {
      proxy.listen(0, '127.0.0.1', () => resolve())
    })
    const address = proxy.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    try {
      const request = {
        reference: parseReference('registry.example/team/app:v1'),
        platform: { os: 'linux', architecture: 'amd64', variant: undefined },
        finalName: parseReference('x:1'),
      }
      const environment = { HOME: scratch.path, HTTPS_PROXY: url }
      await assert.rejects(
        pullArchive(request, collectingSink(), { cacheDirectory: null, patience, environment }),
        (error: DockerToolsError) => {
          assert.match(error.message, /^Cannot pull "registry\.example\/team\/app": .*does not speak TLS/)
          assert.match(error.hint ?? '', /tlsVerify = false/)
          return true
        },
      )
    } finally {
      proxy.closeAllConnections()
      proxy.close()
    }
  })
})
