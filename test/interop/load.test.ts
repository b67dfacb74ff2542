import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { dockerFiles, makeConfig, tarOf } from '../support/make-image.ts'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'
import { BUSYBOX, needsRoot } from './needs.ts'
import { type PodmanService, startPodmanService } from './podman-service.ts'
import { attempt, type Command, run } from './run.ts'
import { addBusybox, makeWorkshop, type Workshop, writeFiles } from './workshop.ts'

const PROGRAMS = ['dockerd', 'docker', 'ctr', 'podman', 'runc', 'unshare', 'zstd', 'pigz', 'skopeo', BUSYBOX]

suite('dockertools load', needsRoot(...PROGRAMS), () => {
  let shop: Workshop
  let daemon: DockerDaemon
  let podman: PodmanService
  let dockerHost: string

  /** `dockertools load` with an engine by its address. */
  function load(env: Readonly<Record<string, string>>, ...args: readonly string[]): Command {
    const command = shop.command('load', '-q', ...args)
    const bare = { ...command.env, DOCKER_HOST: undefined, CONTAINER_HOST: undefined, XDG_RUNTIME_DIR: undefined }
    return { ...command, env: { ...bare, DOCKER_CONFIG: shop.path, ...env } }
  }

  before(async () => {
    shop = await makeWorkshop()
    await addBusybox(join(shop.path, 'busybox'))
    await writeFiles(shop.path, { 'below/base': 'base', 'a/a': 'a', 'b/b': 'b', 'c/c': 'c', 'd/d': 'd' })
    ;[daemon, podman] = await Promise.all([
      startDockerDaemon(join(shop.path, 'd0')),
      startPodmanService(join(shop.path, 'p0')),
    ])
    dockerHost = daemon.command().env?.['DOCKER_HOST'] ?? ''
  })
  after(async () => {
    await Promise.all([daemon?.[Symbol.asyncDispose](), podman?.[Symbol.asyncDispose]()])
    await shop?.[Symbol.asyncDispose]()
  })

  test('streams a definition into Docker, and the image runs', async () => {
    const args = { name: 'direct', contents: ['./busybox', './below'], config: { Cmd: ['/bin/cat', '/base'] } }
    const definition = await shop.define('direct', 'streamLayeredImage', args)
    assert.equal(await run(load({ DOCKER_HOST: dockerHost }, definition)), 'direct:v1\n')
    assert.equal(await daemon.docker('run', '--rm', 'direct:v1'), 'base')
  })

  test('finds the engine by a Docker context, and says into which it loads', async () => {
    const folder = join(shop.path, 'ctx')
    const client = { program: 'docker', env: { ...process.env, DOCKER_CONFIG: folder, DOCKER_HOST: undefined } }
    await run({ ...client, args: ['context', 'create', 'ours', '--docker', `host=${dockerHost}`] })
    await run({ ...client, args: ['context', 'use', 'ours'] })
    const definition = await shop.define('by-context', 'streamLayeredImage', { name: 'by-context', contents: ['./a'] })
    const command = load({ DOCKER_CONFIG: folder }, definition)
    const { stdout, stderr, code } = await attempt({ ...command, args: command.args.filter((arg) => arg !== '-q') })
    assert.deepEqual([code, stdout], [0, 'by-context:v1\n'])
    assert.match(stderr, new RegExp(`^Loading into docker at ${dockerHost}$`, 'm'))
    const { code: missing, stderr: said } = await attempt(load({ DOCKER_CONTEXT: 'none' }, definition))
    assert.equal(missing, 1)
    assert.match(said, /there is no Docker context "none"/)
  })

  test('loads into podman, which tells itself apart from Docker', async () => {
    const definition = await shop.define('rootless', 'buildLayeredImage', { name: 'rootless', contents: ['./below'] })
    assert.equal(await run(load({ CONTAINER_HOST: podman.address }, definition)), 'localhost/rootless:v1\n')
    const listed = await podman.podman('images', '--no-trunc', '--format', '{{.ID}} {{.Repository}}:{{.Tag}}')
    assert.match(listed, /^sha256:[0-9a-f]{64} localhost\/rootless:v1$/m)
    const { stderr } = await attempt(load({ DOCKER_HOST: podman.address }, definition, '--log-format', 'json'))
    assert.equal(stderr, '')
  })

  test('imports into containerd by ctr', async () => {
    const address = join(shop.path, 'd0/exec/containerd/containerd.sock')
    assert.ok(existsSync(address))
    const env = { CONTAINERD_ADDRESS: address, CONTAINERD_NAMESPACE: 'load-test' }
    const definition = await shop.define('imported', 'streamLayeredImage', { name: 'imported', contents: ['./below'] })
    const printed = await run(load(env, definition, '--engine', 'containerd'))
    assert.equal(printed, 'docker.io/library/imported:v1\n')
    const listed = await run({ program: 'ctr', args: ['images', 'ls', '-q'], env: { ...process.env, ...env } })
    assert.equal(listed, 'docker.io/library/imported:v1\n')
    const gone = { ...env, CONTAINERD_ADDRESS: join(shop.path, 'gone.sock') }
    const { code, stderr } = await attempt(load(gone, definition, '--engine', 'containerd'))
    assert.equal(code, 1)
    assert.match(stderr, /error \(ENGINE_FAILED\): Cannot load the image: containerd refused it: ctr: failed to dial/)
  })

  test('gives every engine archives that it would not take as they are', async () => {
    // Each its own files: an engine that knows a layer does not look at it again.
    const plain = await shop.stream('plain', { contents: ['./a'] })
    await run({ program: 'zstd', args: ['-q', plain] })
    const packed = await shop.stream('packed', { contents: ['./b'] })
    await run({ program: 'pigz', args: [packed] })
    const args = { name: 'layout', tag: 'v1', contents: ['./c'], compressor: 'zstd' }
    const definition = join(shop.path, 'layout.json')
    await writeFile(definition, JSON.stringify({ function: 'buildLayeredImage', args }))
    await run(shop.command('build', definition, '--format', 'oci', '-o', join(shop.path, 'layout')))
    await run(shop.command('build', definition, '--format', 'oci-archive', '-o', join(shop.path, 'layout.tar')))
    const copied = join(shop.path, 'copied.tar')
    const from = `oci:${join(shop.path, 'layout')}:v1`
    await run({ program: 'skopeo', args: ['--insecure-policy', 'copy', '-q', from, `oci-archive:${copied}:copied:v1`] })
    for (const [env, prefix] of [
      [{ DOCKER_HOST: dockerHost }, ''],
      [{ CONTAINER_HOST: podman.address }, 'localhost/'],
    ] as const) {
      assert.equal(await run(load(env, 'plain.tar.zst')), `${prefix}plain:v1\n`)
      assert.equal(await run(load(env, 'packed.tar.gz')), `${prefix}packed:v1\n`)
      assert.equal(await run(load(env, join(shop.path, 'layout'))), `${prefix}layout:v1\n`)
      assert.equal(await run(load(env, './layout.tar')), `${prefix}layout:v1\n`)
      assert.equal(await run(load(env, copied)), `${prefix}copied:v1\n`)
    }
    const [a, b] = [await daemon.inspect('layout:v1'), await daemon.inspect('copied:v1')]
    assert.deepEqual(a.RootFS, b.RootFS)
  })

  test('picks the platform that is asked for out of several', async () => {
    const image = (architecture: string): object => ({
      function: 'streamLayeredImage',
      args: { name: 'several', contents: ['./d'], architecture },
    })
    const definition = join(shop.path, 'several.json')
    await writeFile(definition, JSON.stringify({ images: { amd64: image('amd64'), arm64: image('arm64') }, tag: 'x' }))
    const env = { DOCKER_HOST: dockerHost }
    assert.equal(await run(load(env, definition, '--platform', 'linux/arm64')), 'several:x\n')
    assert.equal((await daemon.inspect('several:x')).Architecture, 'arm64')
    await run(shop.command('build', definition, '-o', join(shop.path, 'several.tar')))
    assert.equal(await run(load(env, 'several.tar', '--platform', 'linux/amd64')), 'several:x\n')
    assert.equal((await daemon.inspect('several:x')).Architecture, 'amd64')
    const { code, stderr } = await attempt(load(env, 'several.tar', '--platform', 'linux/riscv64'))
    assert.equal(code, 2)
    assert.match(stderr, /it has no image for "linux\/riscv64"/)
  })

  test('tells what the engine says against an image, and leaves nothing there', async () => {
    const images = async (): Promise<readonly string[]> => (await daemon.docker('images', '-q')).split('\n').toSorted()
    const there = await images()
    const layers = [{ tar: tarOf(new Map([['file', Buffer.from('content')]])) }]
    const files = new Map([...dockerFiles(layers, ['w:1']), ['c.json', makeConfig(layers, { os: 'windows' })]])
    await writeFile(join(shop.path, 'windows.tar'), tarOf(files))
    const { code, stdout, stderr } = await attempt(load({ DOCKER_HOST: dockerHost }, 'windows.tar'))
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /error \(ENGINE_FAILED\): Cannot load the image: docker at unix:\/\/\S+ refused it: .*windows/)
    const wrong = new Map([
      ...dockerFiles(layers, ['w:1']),
      ['0/layer.tar', tarOf(new Map([['file', Buffer.from('other!!')]]))],
    ])
    await writeFile(join(shop.path, 'wrong.tar'), tarOf(wrong))
    const outcome = await attempt(load({ DOCKER_HOST: dockerHost }, 'wrong.tar'))
    assert.deepEqual([outcome.code, outcome.stdout], [3, ''])
    assert.match(outcome.stderr, /error \(DIGEST_MISMATCH\)/)
    assert.deepEqual(await images(), there)
  })
})
