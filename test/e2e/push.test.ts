import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { digestOfBytes, serveHoldings, startServer } from '../support/fake-registry.ts'
import { dockerFiles, tarOf } from '../support/make-image.ts'
import { until } from '../support/processes.ts'
import { type Bench, type CliResult, makeBench, resultOf } from '../support/run-cli.ts'
import { startUploadRegistry, type UploadBehaviour, type UploadRegistry } from '../support/upload-registry.ts'

/** A definition of an image with a layer that does not compress. */
function define(bench: Bench, bytes = 300_000): string {
  mkdirSync(join(bench.path, 'files'), { recursive: true })
  let state = 7
  const noise = Buffer.from(Array.from({ length: bytes }, () => (state = (state * 48271) % 0x7fffffff) & 0xff))
  writeFileSync(join(bench.path, 'files/noise'), noise)
  const args = { name: 'pushed', tag: '1', contents: './files' }
  writeFileSync(join(bench.path, 'image.json'), JSON.stringify({ function: 'streamLayeredImage', args }))
  return 'image.json'
}

async function push(bench: Bench, registry: UploadRegistry, ...args: readonly string[]): Promise<CliResult> {
  return await bench.run(['push', define(bench), `${registry.host}/a/b:1`, ...args])
}

function cached(bench: Bench, folder: string): readonly string[] {
  return readdirSync(join(bench.path, 'cache/dockertools/packed-v1', folder))
}

describe('dockertools push', () => {
  test('puts layers, configuration and manifest there, each what it is called', async () => {
    await using bench = await makeBench()
    await using registry = await startUploadRegistry()
    const { status, stdout, stderr } = await push(bench, registry)
    assert.equal(status, 0, stderr)
    const manifest = registry.manifests.get('1') ?? Buffer.alloc(0)
    assert.equal(stdout.toString(), `${registry.host}/a/b:1@${digestOfBytes(manifest)}\n`)
    interface Written {
      readonly config: { readonly digest: string; readonly size: number }
      readonly layers: readonly { readonly digest: string; readonly size: number }[]
    }
    const { config, layers } = JSON.parse(manifest.toString()) as Written
    const { rootfs } = JSON.parse(String(registry.blobs.get(config.digest))) as { rootfs: { diff_ids: string[] } }
    const plain = layers.map(({ digest }) => digestOfBytes(gunzipSync(registry.blobs.get(digest) ?? '')))
    assert.deepEqual(plain, rootfs.diff_ids)
    for (const { digest, size } of [config, ...layers]) assert.equal(registry.blobs.get(digest)?.length, size)
    // The manifest names what is there: nothing comes after it.
    assert.match(registry.requests.at(-1)?.url ?? '', /\/manifests\/1$/)
    assert.deepEqual(bench.leftovers(), [])
  })

  test('reads no layer that the registry has, and compresses none twice', async () => {
    await using bench = await makeBench()
    await using registry = await startUploadRegistry()
    const first = await push(bench, registry)
    const before = registry.receivedBytes()
    const again = await push(bench, registry)
    assert.deepEqual(again.stdout, first.stdout)
    assert.ok(registry.receivedBytes() - before < 1000)
    await using other = await startUploadRegistry()
    assert.equal((await push(bench, other, '--log-format', 'json')).status, 0)
    assert.deepEqual([...other.blobs.keys()].toSorted(), [...registry.blobs.keys()].toSorted())
  })

  test('sends nothing that is there, also where nothing is remembered', async () => {
    for (const compress of ['gz', 'zstd', 'none']) {
      await using bench = await makeBench()
      await using registry = await startUploadRegistry()
      mkdirSync(join(bench.path, 'large'))
      writeFileSync(join(bench.path, 'large/file'), Buffer.alloc(30_000_000, 'compresses well '))
      writeFileSync(
        join(bench.path, 'large.json'),
        '{"function":"streamLayeredImage","args":{"name":"large","tag":"1","contents":"./large"}}',
      )
      const command = ['push', '-q', 'large.json', `${registry.host}/a/b:1`, '--compress', compress]
      const first = await bench.run(command)
      assert.equal(first.status, 0, first.stderr)
      const isAhead = registry.requests.some(({ method }) => method === 'PATCH')
      assert.ok(isAhead, 'to a new repository, layers are sent while they are made')
      const before = registry.receivedBytes()
      rmSync(join(bench.path, 'cache'), { recursive: true })
      const again = await bench.run(command)
      assert.deepEqual([again.status, again.stdout], [0, first.stdout], again.stderr)
      assert.ok(registry.receivedBytes() - before < 1000, `${registry.receivedBytes() - before} ${compress}`)
      assert.deepEqual(bench.leftovers(), [])
    }
  })

  test('a file that changes while plain layers are sent is one clear error', async () => {
    await using bench = await makeBench()
    for (const name of ['a', 'b', 'c']) {
      mkdirSync(join(bench.path, name))
      writeFileSync(join(bench.path, name, name), Buffer.alloc(name === 'c' ? 9 : 30_000_000, name))
    }
    const args = { name: 'x', tag: '1', contents: ['./a', './b', './c'] }
    writeFileSync(join(bench.path, 'x.json'), JSON.stringify({ function: 'streamLayeredImage', args }))
    await using registry = await startUploadRegistry({
      fault: ({ method }) => {
        if (method === 'PATCH') appendFileSync(join(bench.path, 'c/c'), 'more')
        return undefined
      },
    })
    const { status, stderr } = await bench.run(['push', '-q', 'x.json', `${registry.host}/a/b:1`, '--compress', 'none'])
    assert.equal(status, 1, stderr)
    assert.match(stderr, /^error \(FILE_CHANGED\): /)
    assert.equal(registry.manifests.size, 0)
    assert.deepEqual(bench.leftovers(), [])
  })

  test('a registry that takes nothing of unknown length is asked for it once', async () => {
    for (const status of [411, 413, 501]) {
      await using bench = await makeBench()
      const names = Array.from({ length: 6 }, (_, index) => `p${index}`)
      for (const name of names) {
        mkdirSync(join(bench.path, name))
        writeFileSync(join(bench.path, name, name), Buffer.alloc(6_000_000, `${name} and more `))
      }
      const args = { name: 'x', tag: '1', contents: names.map((name) => `./${name}`) }
      writeFileSync(join(bench.path, 'x.json'), JSON.stringify({ function: 'streamLayeredImage', args }))
      await using registry = await startUploadRegistry({
        fault: ({ method }) => (method === 'PATCH' ? { status } : undefined),
      })
      const command = ['push', '-q', 'x.json', `${registry.host}/a/b:1`, '--compress', 'none']
      const pushed = await bench.run(command)
      assert.equal(pushed.status, 0, pushed.stderr)
      const asked = registry.requests.filter(({ method }) => method === 'PATCH').length
      assert.ok(asked >= 1 && asked <= 2, `${asked} with ${status}`)
      for (const [digest, bytes] of registry.blobs) assert.equal(digestOfBytes(bytes), digest)
    }
  })

  test('who may not push is told before a large layer is compressed', async () => {
    for (const compress of ['gz', 'none']) {
      await using bench = await makeBench()
      await using registry = await startUploadRegistry({
        fault: ({ method }) => (method === 'POST' ? { status: 403, code: 'DENIED' } : undefined),
      })
      mkdirSync(join(bench.path, 'large'))
      writeFileSync(join(bench.path, 'large/noise'), randomBytes(60_000_000))
      writeFileSync(
        join(bench.path, 'large.json'),
        '{"function":"streamLayeredImage","args":{"name":"large","tag":"1","contents":"./large"}}',
      )
      const { status, stderr } = await bench.run([
        'push',
        '-q',
        'large.json',
        `${registry.host}/a/b:1`,
        '--compress',
        compress,
      ])
      assert.notEqual(status, 0)
      assert.match(stderr, /^error \(ACCESS_DENIED\): /)
      assert.equal(existsSync(join(bench.path, 'cache/dockertools/packed-v1/names')), false)
      assert.deepEqual(bench.leftovers(), [])
    }
  })

  test('reads the one layer that is missing below others that are there', async () => {
    await using bench = await makeBench()
    const names = ['a', 'b', 'c']
    for (const name of names) {
      mkdirSync(join(bench.path, 'large', name), { recursive: true })
      writeFileSync(join(bench.path, 'large', name, name), Buffer.alloc(10_000_000, `${name} and more `))
    }
    const args = { name: 'large', tag: '1', contents: names.map((name) => `./large/${name}`) }
    writeFileSync(join(bench.path, 'large.json'), JSON.stringify({ function: 'streamLayeredImage', args }))
    const asked = new Set<string>()
    let missing = ''
    await using registry = await startUploadRegistry({
      fault: async ({ method, url }) => {
        const digest = url.replace(/^.*\//, '')
        if (missing === '' || method !== 'HEAD') return undefined
        asked.add(digest)
        // By then the layers above have been measured, and could be read ahead of their turn.
        if (digest === missing) await until(() => asked.size >= names.length, 'questions about the other layers')
        return digest === missing ? { status: 404 } : undefined
      },
    })
    const command = ['push', '-q', 'large.json', `${registry.host}/a/b:1`]
    const first = await bench.run(command)
    const { layers } = JSON.parse(String(registry.manifests.get('1'))) as { layers: { digest: string }[] }
    missing = layers[0]?.digest ?? ''
    rmSync(join(bench.path, 'cache/dockertools/packed-v1/blobs', missing.replace('sha256:', '')))
    const { status, stdout, stderr } = await bench.run(command)
    assert.equal(status, 0, stderr)
    assert.deepEqual(stdout, first.stdout)
    assert.ok(asked.size > names.length)
  })

  test('sends plain layers as they are made, and makes them again where an upload breaks', async () => {
    await using bench = await makeBench()
    mkdirSync(join(bench.path, 'large'))
    for (const name of ['a', 'b']) {
      mkdirSync(join(bench.path, 'large', name))
      writeFileSync(join(bench.path, 'large', name, name), Buffer.alloc(20_000_000, `${name} and more `))
    }
    const args = { name: 'large', tag: '1', contents: ['./large/a', './large/b'] }
    writeFileSync(join(bench.path, 'large.json'), JSON.stringify({ function: 'streamLayeredImage', args }))
    const broken: Record<string, string[]> = {}
    await using registry = await startUploadRegistry({
      // Every upload breaks twice: what is sent ahead once, as that is given up, and what comes after it twice.
      fault: ({ method, url }) => {
        const id = /\/uploads\/(\d+)/.exec(url)?.[1]
        if (id === undefined || (method !== 'PUT' && method !== 'PATCH')) return undefined
        const methods = (broken[id] ??= [])
        if (methods.length === 2) return undefined
        methods.push(method)
        return { resetAfter: methods.length * 2_000_000 }
      },
    })
    const command = ['push', '-q', 'large.json', `${registry.host}/a/b:1`, '--compress', 'none']
    const { status, stderr } = await bench.run(command)
    assert.equal(status, 0, stderr)
    const large = Object.values(broken).map((methods) => methods.join(' '))
    assert.equal(large.filter((methods) => methods === 'PATCH').length, 2, large.join(', '))
    assert.equal(large.filter((methods) => methods === 'PUT PATCH').length, 2, large.join(', '))
    const { layers } = JSON.parse(String(registry.manifests.get('1'))) as { layers: { digest: string; size: number }[] }
    assert.ok(layers.some(({ size }) => size > 20_000_000))
    for (const { digest, size } of layers) assert.equal(registry.blobs.get(digest)?.length, size)
    for (const [digest, bytes] of registry.blobs) assert.equal(digestOfBytes(bytes), digest)
    assert.deepEqual(bench.leftovers(), [])
  })

  test('pushes images with parts that are built first, archives that are outputs, and what was pulled', async () => {
    await using bench = await makeBench()
    await using registry = await startUploadRegistry()
    const store = ['--store', `local:${bench.path}/store`]
    const pushed = async (name: string, definition: unknown): Promise<{ config: string; digest: string }> => {
      writeFileSync(join(bench.path, 'it.json'), JSON.stringify(definition))
      const { status, stdout, stderr } = await bench.run([
        'push',
        'it.json',
        `${registry.host}/${name}:1`,
        '-q',
        ...store,
      ])
      assert.equal(status, 0, stderr)
      const manifest = registry.manifests.get('1') ?? Buffer.alloc(0)
      const { config } = JSON.parse(String(manifest)) as { config: { digest: string } }
      return { config: config.digest, digest: stdout.toString().replace(/^.*@/, '').trimEnd() }
    }
    const motd = { function: 'writeTextDir', args: { path: 'etc/motd', text: 'hello\n' } }
    const args = { name: 'x', tag: '1', architecture: 'amd64', contents: [motd], compressor: 'none' }
    const image = {
      function: 'buildLayeredImage',
      args: { ...args, config: { Env: [{ concat: ['MOTD=', motd, '/etc'] }] } },
    }
    const first = await pushed('a/made', image)
    const { config } = JSON.parse(String(registry.blobs.get(first.config))) as { config: { Env: string[] } }
    assert.match(config.Env.at(-1) ?? '', /^MOTD=\/nix\/store\/[0-9a-z]{32}-motd\/etc$/)

    const imported = { function: 'importPath', args: { path: './archive.tar' } }
    const built = await bench.run(['stream', 'it.json', '-q', ...store])
    writeFileSync(join(bench.path, 'archive.tar'), built.stdout)
    const second = await pushed('b/imported', imported)
    assert.equal(second.config, first.config)

    const manifests = new Map([...registry.manifests.values()].map((bytes) => [digestOfBytes(bytes), bytes]))
    const holdings = { blobs: registry.blobs, manifests }
    await using source = await startServer((request, response) => serveHoldings(holdings, request, response))
    const from = ['prefetch', `${source.host}/b/imported`, second.digest]
    const prefetched = await bench.run([...from, '--json', '-q', ...store])
    assert.equal(prefetched.status, 0, prefetched.stderr)
    const pullArgs = JSON.parse(prefetched.stdout.toString()) as Readonly<Record<string, unknown>>
    const pull = { function: 'pullImage', args: { ...pullArgs, arch: 'amd64' } }
    assert.equal((await pushed('c/pulled', pull)).config, first.config)
    const both = { images: { amd64: pull }, tag: '1' }
    assert.equal((await pushed('d/platforms', both)).config, first.config)
    assert.deepEqual(bench.leftovers(), [])
  })

  for (const [stage, stalled, size] of [
    ['in an upload', 'PUT', 300_000],
    ['while a layer is sent that is still made', 'PATCH', 60_000_000],
  ] as const) {
    test(`interrupted ${stage}, it leaves no file and no manifest`, async () => {
      await using bench = await makeBench()
      await using registry = await startUploadRegistry({
        fault: ({ method }) => (method === stalled ? 'stall' : undefined),
      })
      const child = bench.start(['push', define(bench, size), `${registry.host}/a/b:1`])
      const ended = resultOf(child)
      await until(() => registry.requests.some(({ method }) => method === stalled), 'an upload')
      child.kill('SIGINT')
      assert.equal((await ended).status, 130)
      assert.equal(registry.manifests.size, 0)
      assert.deepEqual(bench.leftovers(), [])
      assert.ok(cached(bench, 'blobs').every((name) => /^[0-9a-f]{64}$/.test(name)))
    })
  }

  const refusals: readonly (readonly [what: string, behaviour: UploadBehaviour, code: string, message: RegExp])[] = [
    [
      'a registry that lets nobody push',
      { fault: ({ method }) => (method === 'POST' ? { status: 403, code: 'DENIED' } : undefined) },
      'ACCESS_DENIED',
      /denies access to .*, it answered 403 DENIED/,
    ],
    [
      'a registry that does not take the manifest',
      { fault: ({ url }) => (url.includes('/manifests/') ? { status: 400, code: 'MANIFEST_INVALID' } : undefined) },
      'TRANSFER_FAILED',
      /does not answer for manifest "1", it answered 400 MANIFEST_INVALID/,
    ],
    [
      'a registry that takes other bytes',
      { digestOf: () => digestOfBytes('other') },
      'DIGEST_MISMATCH',
      /the registry has taken blob "sha256:\w+" as "sha256:\w+"/,
    ],
  ]
  for (const [what, behaviour, code, message] of refusals) {
    test(`${what} is named`, async () => {
      await using bench = await makeBench()
      await using registry = await startUploadRegistry(behaviour)
      const { status, stdout, stderr } = await push(bench, registry, '-q')
      assert.deepEqual([status === 0, stdout.toString()], [false, ''])
      assert.ok(stderr.startsWith(`error (${code}): Cannot push "${registry.host}/a/b": `), stderr)
      assert.match(stderr, message)
      assert.deepEqual([registry.manifests.size, bench.leftovers()], [0, []])
    })
  }

  test('nobody listening, and a name that is none, are told apart', async () => {
    await using bench = await makeBench()
    const definition = define(bench)
    const nobody = await bench.run(['push', '-q', definition, '127.0.0.1:1/a/b'])
    assert.match(nobody.stderr, /^error \(TRANSFER_FAILED\): Cannot push "127\.0\.0\.1:1\/a\/b": /)
    for (const [name, reason] of [
      ['127.0.0.1:1/A', /lower-case/],
      [`127.0.0.1:1/a@${digestOfBytes('')}`, /it has a digest, which only the push itself finds out/],
      ['127.0.0.1:1/a:-', /its tag is "-"/],
    ] as const) {
      const { status, stderr } = await bench.run(['push', '-q', definition, name])
      assert.equal(status, 2)
      assert.match(stderr, reason)
    }
    for (const options of [
      ['--compress', 'xz'],
      ['--format', 'x'],
      ['--chunk-size', '0'],
      ['--compress', 'zstd', '--format', 'docker'],
    ]) {
      assert.equal((await bench.run(['push', '-q', definition, '127.0.0.1:1/a', ...options])).status, 2)
    }
  })

  test('a compressed layer that was damaged in the cache is noticed, and made again', async () => {
    await using bench = await makeBench()
    await using registry = await startUploadRegistry()
    await push(bench, registry)
    for (const name of cached(bench, 'blobs')) {
      const file = join(bench.path, 'cache/dockertools/packed-v1/blobs', name)
      const bytes = readFileSync(file)
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
      writeFileSync(file, bytes)
    }
    await using other = await startUploadRegistry()
    const damaged = await push(bench, other, '-q')
    assert.equal(damaged.status, 3)
    assert.match(damaged.stderr, /^error \(DIGEST_MISMATCH\): Cannot push /)
    assert.equal(other.manifests.size, 0)
    // One is found out at a time.
    let status: number | null = 3
    for (let attempt = 0; attempt < 3 && status !== 0; attempt++) ({ status } = await push(bench, other, '-q'))
    assert.equal(status, 0)
    assert.deepEqual(other.manifests.get('1'), registry.manifests.get('1'))
  })

  test('a layer that is not what its image says is not pushed', async () => {
    await using bench = await makeBench()
    await using registry = await startUploadRegistry()
    const layers = [{ tar: tarOf(new Map([['file', Buffer.from('content')]])) }]
    for (const [compression, other] of [
      ['none', tarOf(new Map([['file', Buffer.from('another')]]))],
      ['gz', Buffer.from('no gzip')],
    ] as const) {
      const made = dockerFiles(
        layers.map((layer) => ({ ...layer, compression })),
        ['x:1'],
      )
      writeFileSync(join(bench.path, 'wrong.tar'), tarOf(new Map([...made, ['0/layer.tar', other]])))
      for (const compress of ['gz', 'none']) {
        const args = ['push', '-q', 'wrong.tar', `${registry.host}/a/b:1`, '--compress', compress]
        const { status, stderr } = await bench.run(args)
        assert.equal(status, 3, stderr)
        assert.match(stderr, /error \(DIGEST_MISMATCH\)/)
      }
    }
    assert.deepEqual([registry.manifests.size, registry.blobs.size <= 1], [0, true])
  })
})
