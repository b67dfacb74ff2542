import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { config, encodeShape, gzipLayer, plainTar } from '../interop/registry-images.ts'
import { digestOfBytes, type Holdings, serveHoldings, startServer, type TestServer } from '../support/fake-registry.ts'
import { listTar } from '../support/list-tar.ts'
import { needs } from '../support/places.ts'
import { type Bench, type CliOptions, type CliResult, makeBench, resultOf } from '../support/run-cli.ts'

const TARS = [plainTar('etc-file', 'one'), plainTar('other', 'two')]
const NAME = 'docker-image-app-1.tar'

describe('pullImage in the store', () => {
  let server: TestServer
  let digest: string
  /** Of the archive, in hex: what pull wrote, which other tests hold against skopeo. */
  let sha256: string
  let archive: Buffer
  /** Called where a layer was begun that does not go on. */
  let onStall: (() => void) | undefined
  before(async () => {
    const image = { layers: TARS.map((tar) => gzipLayer(tar)), config: config(TARS) }
    const { blobs, manifests } = encodeShape({ name: 'x', way: 'put', images: [image] })
    const top = manifests.at(-1)!.bytes
    digest = digestOfBytes(top)
    const holdings: Holdings = { blobs, manifests: new Map([digest, '1'].map((name) => [name, top])) }
    server = await startServer((request, response) => {
      const blob = blobs.get(/\/blobs\/(.*)$/.exec(request.url ?? '')?.[1] ?? '')
      const isLayer = blob?.[0] === 0x1f
      if (onStall === undefined || !isLayer) {
        serveHoldings(holdings, request, response)
        return
      }
      response.writeHead(200, { 'content-length': blob.length })
      response.write(blob.subarray(0, 20))
      onStall()
    })
    await using bench = await makeBench()
    const args = ['pull', `${server.host}/team/app@${digest}`, '--name', 'app:1', '-o', 'out.tar', '-q']
    const { status, stderr } = await bench.run([...args, '--platform', 'linux/amd64'])
    assert.equal(status, 0, stderr)
    archive = readFileSync(join(bench.path, 'out.tar'))
    sha256 = createHash('sha256').update(archive).digest('hex')
  })
  after(async () => await server[Symbol.asyncDispose]())

  function pulled(more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
    const args = { imageName: `${server.host}/team/app`, imageDigest: digest, sha256, arch: 'amd64' }
    return { function: 'pullImage', args: { ...args, finalImageName: 'app', finalImageTag: '1', ...more } }
  }

  /** Writes a definition, and runs a command on it with a store and a cache of the bench's own. */
  async function run(bench: Bench, definition: unknown, args: readonly string[], options: CliOptions = {}) {
    writeFileSync(join(bench.path, 'image.json'), JSON.stringify(definition))
    const [command = '', ...others] = args
    const store = others.includes('--store') ? [] : ['--store', `local:${bench.path}/store`]
    return await bench.run([command, 'image.json', '--log-format=json', ...store, ...others], options)
  }

  /** No server is asked that is there, and nothing was kept but the store. */
  async function runOffline(bench: Bench, definition: unknown, args: readonly string[]): Promise<CliResult> {
    const asked = server.requests.length
    const result = await run(bench, definition, args, { env: { XDG_CACHE_HOME: `${bench.path}/other-cache` } })
    assert.equal(server.requests.length, asked, 'the registry is not asked')
    return result
  }

  test('build puts the archive there, and the second build does nothing and needs no network', async () => {
    await using bench = await makeBench()
    const first = await run(bench, pulled(), ['build'])
    const path = printed(first)
    assert.match(path, new RegExp(`/store/nix/store/[0-9a-z]{32}-${NAME}$`))
    assert.equal(readlinkSync(join(bench.path, 'result')), path)
    assert.ok(readFileSync(path).equals(archive))
    assert.deepEqual(bench.leftovers(), [])

    const second = await runOffline(bench, pulled(), ['build'])
    assert.equal(printed(second), path)
    assert.equal(second.stderr, '')

    const [info] = JSON.parse(
      printed(await bench.run(['store', 'info', '--json', '--store', `local:${bench.path}/store`, storePathIn(path)])),
    ) as [{ ca: string; references: string[] }]
    assert.match(info.ca, /^fixed:sha256:[0-9a-z]{52}$/)
    assert.deepEqual(info.references, [])
    const verified = await bench.run(['store', 'verify', '--check-contents', '--store', `local:${bench.path}/store`])
    assert.equal(verified.status, 0, verified.stderr)
    assert.equal(printed(await run(bench, pulled(), ['build', '--rebuild'])), path)
  })

  test('its path is the one that Nix gives a fixed output', needs('nix-store'), async () => {
    await using bench = await makeBench()
    for (const [algorithm, more] of [
      ['sha256', {}],
      ['sha512', { sha256: null, outputHash: hexOf('sha512'), outputHashAlgo: 'sha512' }],
    ] as const) {
      const path = printed(await run(bench, pulled(more), ['build', '--no-out-link']))
      const answer = execFileSync('nix-store', [
        '--store',
        'dummy://',
        '--print-fixed-path',
        algorithm,
        hexOf(algorithm),
        NAME,
      ])
      assert.equal(storePathIn(path), answer.toString().trimEnd())
    }
  })

  test('what is made of it has the paths that it has with any other fetcher of the same file', async () => {
    await using bench = await makeBench()
    const copyOf = (file: unknown) => ({
      function: 'runCommand',
      args: { name: 'copy', env: { file }, script: 'echo "$file" > $out' },
    })
    const fetched = { function: 'fetchurl', args: { name: NAME, url: `${server.origin}/archive`, sha256 } }
    const path = printed(await run(bench, copyOf(pulled()), ['build']))
    assert.equal(printed(await runOffline(bench, copyOf(fetched), ['build'])), path)
  })

  test('what one store has is taken from there by all commands, into another store too', async () => {
    await using bench = await makeBench()
    const path = printed(await run(bench, pulled(), ['build']))
    assert.equal(printed(await runOffline(bench, pulled(), ['build', '-o', 'out.tar'])), 'out.tar')
    assert.ok(readFileSync(join(bench.path, 'out.tar')).equals(archive))
    const streamed = await runOffline(bench, pulled(), ['stream'])
    assert.equal(streamed.status, 0, streamed.stderr)
    assert.ok(streamed.stdout.equals(archive))
    const stores = ['--store', `local:${bench.path}/new`, '--store', `local:${bench.path}/store`]
    const brought = printed(await runOffline(bench, pulled(), ['build', ...stores]))
    assert.equal(brought, path.replace('/store/', '/new/'))
    assert.ok(readFileSync(brought).equals(archive))
  })

  test('it is a base, a part of merged images, a file in an image and a path in texts', async () => {
    await using bench = await makeBench()
    const path = printed(await run(bench, pulled(), ['build']))
    const named = { name: 'mine', tag: '2', architecture: 'amd64' }
    const image = {
      function: 'buildLayeredImage',
      args: {
        ...named,
        compressor: 'none',
        fromImage: pulled(),
        contents: [
          {
            function: 'runCommand',
            args: {
              name: 'all',
              env: { archive: pulled() },
              script: {
                concat: ['test -f ', pulled(), ' && test -f $archive && mkdir $out && echo $archive > $out/where'],
              },
            },
          },
        ],
        config: { Env: [{ concat: ['IMAGE=', pulled()] }] },
      },
    }
    const built = printed(await runOffline(bench, image, ['build']))
    const [manifest] = JSON.parse(textOf(readFileSync(built), 'manifest.json')) as [
      { Config: string; Layers: string[] },
    ]
    const { config: made, rootfs } = JSON.parse(textOf(readFileSync(built), manifest.Config)) as {
      config: { Env: string[] }
      rootfs: { diff_ids: string[] }
    }
    assert.deepEqual(made.Env.slice(-1), [`IMAGE=${storePathIn(path)}`])
    assert.deepEqual(
      rootfs.diff_ids.slice(0, 2),
      TARS.map((tar) => digestOfBytes(tar)),
    )
    const layers = manifest.Layers.slice(2).map((layer) => contentsOf(readFileSync(built), layer))
    const hasArchive = layers.some((tar) => JSON.stringify(listTar(tar)).includes(NAME))
    assert.ok(hasArchive, 'what is named in the image is in the image')

    const base = { function: 'buildImage', args: { ...named, compressor: 'none', fromImage: pulled() } }
    const merged = { function: 'mergeImages', args: { images: [base, pulled()] } }
    const both = readFileSync(printed(await runOffline(bench, merged, ['build'])))
    const tags = (JSON.parse(textOf(both, 'manifest.json')) as { RepoTags: string[] }[]).map(
      ({ RepoTags }) => RepoTags[0],
    )
    assert.deepEqual(tags, ['mine:2', 'docker.io/library/app:1'])
  })

  test('damage in the store is noticed where the archive is copied', async () => {
    await using bench = await makeBench()
    const path = printed(await run(bench, pulled(), ['build']))
    const damaged = Buffer.from(archive)
    damaged.writeUInt8(damaged.readUInt8(512) ^ 1, 512)
    chmodSync(path, 0o644)
    writeFileSync(path, damaged)
    const { status, stderr } = await runOffline(bench, pulled(), ['build', '-o', 'out.tar'])
    assert.equal(status, 3)
    assert.match(stderr, /DIGEST_MISMATCH.*hash mismatch/)
    assert.equal(existsSync(join(bench.path, 'out.tar')), false)
  })

  test('a wrong hash leaves nothing in the store', async () => {
    await using bench = await makeBench()
    const { status, stderr } = await run(bench, pulled({ sha256: 'a'.repeat(64) }), ['build'])
    assert.equal(status, 3)
    assert.match(stderr, /DIGEST_MISMATCH.*got: {4}sha256-/)
    assert.equal(existsSync(join(bench.path, 'result')), false)
    assertNothingIn(`${bench.path}/store`)
    assert.deepEqual(bench.leftovers(), [])
  })

  test('prefetch puts it where pullImage looks, also in the store of DOCKERTOOLS_STORE', async () => {
    await using bench = await makeBench()
    const env = { DOCKERTOOLS_STORE: `file:///nowhere local:${bench.path}/store` }
    const args = ['prefetch', `${server.host}/team/app`, digest, '--final-image-name', 'app', '--final-image-tag', '1']
    const { status, stderr } = await bench.run(args, { env })
    assert.equal(status, 0, stderr)
    const [, path = ''] = /^-> ImagePath: (.*)$/m.exec(stderr) ?? []
    assert.equal(printed(await runOffline(bench, pulled(), ['build'])), path)
  })

  for (const args of [
    ['build', 'image.json', '--out-link', 'out'],
    ['build', 'image.json', '-o', 'out'],
    ['pull', 'REF', '-o', 'out'],
    ['prefetch', 'REF'],
  ]) {
    test(`Ctrl-C while a layer comes ends "${args.slice(0, 3).join(' ')}" with 130, and leaves nothing`, async () => {
      await using bench = await makeBench()
      writeFileSync(join(bench.path, 'image.json'), JSON.stringify(pulled()))
      const namesBefore = readdirSync(bench.path)
      const reached = new Promise<void>((resolve) => (onStall = resolve))
      const command = args.map((arg) => (arg === 'REF' ? `${server.host}/team/app:1` : arg))
      const store = args[0] === 'pull' ? [] : ['--store', `local:${bench.path}/store`]
      try {
        const child = bench.start([...command, ...store])
        await reached
        child.kill('SIGINT')
        const { status, stdout, stderr } = await resultOf(child)
        assert.equal(status, 130, stderr)
        assert.equal(stdout.toString(), '')
      } finally {
        onStall = undefined
      }
      assert.deepEqual(
        readdirSync(bench.path).filter((name) => name !== 'store'),
        namesBefore,
      )
      assert.deepEqual(bench.leftovers(), [])
      assertNothingIn(`${bench.path}/store`)
    })
  }

  function hexOf(algorithm: string): string {
    return createHash(algorithm).update(archive).digest('hex')
  }
})

function printed({ status, stdout, stderr }: CliResult): string {
  assert.equal(status, 0, stderr)
  return stdout.toString().trimEnd()
}

function storePathIn(physical: string): string {
  return physical.slice(physical.indexOf('/nix/store/'))
}

/** Neither paths nor what writers leave behind. */
function assertNothingIn(root: string): void {
  for (const folder of ['nix/store', 'nix/var/nix/dockertools/scratch']) {
    const place = join(root, folder)
    const names = existsSync(place) ? readdirSync(place).filter((name) => name !== '.links') : []
    assert.deepEqual(names, [], folder)
  }
}

function contentsOf(tar: Buffer, member: string): Buffer {
  return execFileSync('tar', ['-xO', member], { input: tar, maxBuffer: 64 * 1024 * 1024 })
}

function textOf(tar: Buffer, member: string): string {
  return contentsOf(tar, member).toString()
}
