import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'
import { BUSYBOX, needsRoot } from './needs.ts'
import { run } from './run.ts'
import { addBusybox, makeWorkshop, type Workshop, writeFiles } from './workshop.ts'

const PROGRAMS = ['dockerd', 'docker', 'runc', 'unshare', 'pigz', 'xz', 'zstd', 'skopeo', BUSYBOX]

suite('a base image that Docker saved', needsRoot(...PROGRAMS), () => {
  let shop: Workshop
  let daemon: DockerDaemon

  /** Streams an image on top of `base`, loads it, and gives its layers. */
  async function loadOnTop(name: string, base: string): Promise<readonly string[]> {
    const top = {
      fromImage: base,
      contents: ['./top'],
      config: { Cmd: ['/bin/cat', '/top', '/base'], Env: ['FROM=top', 'TOP=1'] },
    }
    await daemon.docker('load', '-q', '-i', await shop.stream(name, top))
    return (await daemon.inspect(`${name}:v1`)).RootFS.Layers
  }

  before(async () => {
    shop = await makeWorkshop()
    await addBusybox(join(shop.path, 'busybox'))
    await writeFiles(shop.path, { 'top/top': 'top ', 'below/base': 'base' })
    daemon = await startDockerDaemon(join(shop.path, 'd'))
    const base = { contents: ['./busybox', './below'], config: { Env: ['FROM=base', 'BASE=1'], Cmd: ['/bin/sh'] } }
    await daemon.docker('load', '-q', '-i', await shop.stream('base', base))
    await daemon.docker('save', '-o', join(shop.path, 'saved.tar'), 'base:v1')
  })
  after(async () => {
    await daemon?.[Symbol.asyncDispose]()
    await shop?.[Symbol.asyncDispose]()
  })

  test('keeps its layers, files and environment under a new image', async () => {
    const { RootFS: base } = await daemon.inspect('base:v1')
    const layers = await loadOnTop('on-saved', './saved.tar')
    assert.deepEqual(layers.slice(0, base.Layers.length), base.Layers)
    assert.equal(layers.length, base.Layers.length + 2)
    assert.equal(await daemon.docker('run', '--rm', 'on-saved:v1'), 'top base')
    const { Config: config } = await daemon.inspect('on-saved:v1')
    assert.deepEqual([...(config['Env'] as string[])].toSorted(), ['BASE=1', 'FROM=top', 'TOP=1'])
    assert.deepEqual(config['Cmd'], ['/bin/cat', '/top', '/base'])
  })

  test('may be compressed in any way', async () => {
    const saved = join(shop.path, 'saved.tar')
    const expected = await loadOnTop('on-plain', './saved.tar')
    const programs = [
      ['pigz', '-k', 'gz'],
      ['xz', '-k0', 'xz'],
      ['zstd', '-q', 'zst'],
    ] as const
    for (const [program, option, suffix] of programs) {
      await run({ program, args: [option, saved] })
      assert.deepEqual(await loadOnTop(`on-${suffix}`, `./saved.tar.${suffix}`), expected, suffix)
      assert.equal(await daemon.docker('run', '--rm', `on-${suffix}:v1`), 'top base', suffix)
    }
  })

  test('may be our own archive, plain or gzip, with the same result', async () => {
    const expected = await loadOnTop('on-docker', './saved.tar')
    assert.deepEqual(await loadOnTop('on-own', './base.tar'), expected)
    await shop.build('packed.tar.gz', {
      contents: ['./busybox', './below'],
      config: { Env: ['FROM=base', 'BASE=1'], Cmd: ['/bin/sh'] },
      name: 'base',
    })
    assert.equal((await loadOnTop('on-packed', './packed.tar.gz')).length, expected.length)
    assert.equal(await daemon.docker('run', '--rm', 'on-packed:v1'), 'top base')
  })

  test('may come out of the daemon through skopeo', async () => {
    const expected = await loadOnTop('on-direct', './saved.tar')
    const host = daemon.command().env?.['DOCKER_HOST'] ?? ''
    const archive = join(shop.path, 'copied.tar')
    const from = ['--src-daemon-host', host, 'docker-daemon:base:v1', `docker-archive:${archive}:base:v1`]
    await run({ program: 'skopeo', args: ['copy', '--insecure-policy', '--quiet', ...from] })
    assert.deepEqual(await loadOnTop('on-copied', './copied.tar'), expected)
    assert.equal(await daemon.docker('run', '--rm', 'on-copied:v1'), 'top base')
  })

  test('may have the same layer twice', async () => {
    const context = join(shop.path, 'context')
    await mkdir(context)
    await writeFile(join(context, 'one'), 'one ')
    await writeFile(join(context, 'two'), 'two ')
    const steps = [
      'FROM base:v1',
      'COPY one /twice',
      'COPY two /twice',
      'COPY one /twice',
      'RUN ["/bin/sh", "-c", ":"]',
    ]
    await writeFile(join(context, 'Dockerfile'), `${steps.join('\n')}\n`)
    const client = daemon.command('build', '-q', '--network', 'none', '-t', 'repeated:v1', context)
    await run({ ...client, env: { ...client.env, DOCKER_BUILDKIT: '0' } })
    const { RootFS: base } = await daemon.inspect('repeated:v1')
    assert.ok(new Set(base.Layers).size < base.Layers.length, 'the base has no layer twice')
    await daemon.docker('save', '-o', join(shop.path, 'repeated.tar'), 'repeated:v1')

    const layers = await loadOnTop('on-repeated', './repeated.tar')
    assert.deepEqual(layers.slice(0, base.Layers.length), base.Layers)
    const seen = await daemon.docker('run', '--rm', 'on-repeated:v1', '/bin/cat', '/twice', '/top', '/base')
    assert.equal(seen, 'one top base')
  })

  test('can be layered again and again, up to the limit that maxLayers sets', async () => {
    await loadOnTop('first', './saved.tar')
    await daemon.docker('save', '-o', join(shop.path, 'first-saved.tar'), 'first:v1')
    const args = { fromImage: './first-saved.tar', contents: ['./below', './top'] }
    const { RootFS: base } = await daemon.inspect('first:v1')
    const limit = base.Layers.length + 2
    await daemon.docker('load', '-q', '-i', await shop.stream('second', { ...args, maxLayers: limit }))
    assert.equal((await daemon.inspect('second:v1')).RootFS.Layers.length, limit)
    await assert.rejects(shop.stream('third', { ...args, maxLayers: limit - 1 }), /ended with [12]:[^]*maxLayers/)
  })
})
