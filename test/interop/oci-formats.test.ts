import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'
import { listFolder, shapeOf } from './list-tree.ts'
import { BUSYBOX, needs, needsRoot } from './needs.ts'
import { run } from './run.ts'
import { addBusybox, makeWorkshop, type Workshop, writeFiles } from './workshop.ts'

const ARGS = { contents: ['./busybox', './below'], config: { Cmd: ['/bin/cat', '/base'] } }

/** skopeo gives the files of an OCI archive their owner, which is root, before it reads them. */
const UNPACKS_AS_ROOT = { skip: process.getuid?.() === 0 ? false : 'only root can do this' }

suite('OCI formats, read by skopeo and umoci', needs('skopeo', 'umoci', 'python3', BUSYBOX), () => {
  let shop: Workshop

  function skopeo(...args: readonly string[]): Promise<string> {
    const env = { ...process.env, XDG_RUNTIME_DIR: shop.path, TMPDIR: shop.path }
    return run({ program: 'skopeo', args: ['--insecure-policy', ...args], env, cwd: shop.path })
  }

  before(async () => {
    shop = await makeWorkshop()
    await addBusybox(join(shop.path, 'busybox'))
    await writeFiles(shop.path, { 'below/base': 'base' })
  })
  after(() => shop?.[Symbol.asyncDispose]())

  for (const compressor of ['none', 'gz', 'zstd']) {
    test(`skopeo finds the same image in all formats, layers as ${compressor}`, UNPACKS_AS_ROOT, async () => {
      const args = { ...ARGS, name: `same-${compressor}`, compressor }
      await shop.build(`plain-${compressor}.tar`, { ...args, compressor: 'none' })
      await shop.build(`archive-${compressor}.tar`, args, '--format', 'oci-archive')
      await shop.build(`layout-${compressor}`, args, '--format', 'oci')
      const configs = await Promise.all(
        [
          `docker-archive:plain-${compressor}.tar`,
          `docker-archive:archive-${compressor}.tar`,
          `oci-archive:archive-${compressor}.tar:v1`,
          `oci:layout-${compressor}:v1`,
        ].map((source) => skopeo('inspect', '--config', '--raw', source)),
      )
      assert.ok(configs[0]?.includes('"diff_ids"'))
      assert.equal(new Set(configs).size, 1)
      // Copying reads every layer, and checks it against both of its digests.
      await skopeo('copy', '--quiet', `oci:layout-${compressor}:v1`, `dir:copied-${compressor}`)
    })
  }

  test('umoci unpacks a layout into the files that go in', async () => {
    const mode = process.getuid?.() === 0 ? [] : ['--rootless']
    await shop.build('unpacked', ARGS, '--format', 'oci')
    await run({ program: 'umoci', args: ['unpack', ...mode, '--image', 'unpacked:v1', 'bundle'], cwd: shop.path })
    const files = await listFolder(join(shop.path, 'bundle/rootfs'))
    const store = files.find(({ path }) => /^nix\/store\/[^/]+-busybox$/.test(path))?.path ?? ''
    const inside = files.filter(({ path }) => path.startsWith(`${store}/`))
    const bare = inside.map((file) => ({ ...file, path: file.path.slice(store.length + 1) }))
    const source = (await listFolder(join(shop.path, 'busybox'))).filter(({ path }) => path !== '')
    assert.deepEqual(shapeOf(bare), shapeOf(source))
  })

  test('skopeo picks the platform out of an index of several', UNPACKS_AS_ROOT, async () => {
    const image = (architecture: string): object => ({
      function: 'buildLayeredImage',
      args: { name: 'both', tag: 'v1', architecture, contents: ['./below'], config: { Env: [`ARCH=${architecture}`] } },
    })
    await writeFiles(shop.path, {
      'both.json': JSON.stringify({ images: { amd64: image('amd64'), arm64: image('arm64') } }),
    })
    await run(shop.command('build', 'both.json', '-o', 'both.tar'))
    for (const architecture of ['amd64', 'arm64']) {
      const raw = await skopeo('--override-arch', architecture, 'inspect', '--config', 'oci-archive:both.tar:v1')
      assert.deepEqual((JSON.parse(raw) as { config: unknown }).config, { Env: [`ARCH=${architecture}`] })
    }
    await skopeo('copy', '--quiet', '--all', 'oci-archive:both.tar:v1', 'oci:both-copy:v1')
  })

  test('what skopeo makes of an image stands below another one with the same layers', async () => {
    const base = await shop.stream('base', { ...ARGS, config: { Env: ['A=base'] } })
    await skopeo('copy', '--quiet', `docker-archive:${base}`, 'oci:skopeo-oci:v1')
    await skopeo('copy', '--quiet', `docker-archive:${base}`, 'oci-archive:skopeo-oci.tar:v1')
    const top = (fromImage: string): object => ({ contents: ['./below'], config: { Env: ['B=top'] }, fromImage })
    const inspect = async (file: string): Promise<unknown> =>
      (
        JSON.parse(await skopeo('inspect', '--config', `docker-archive:${file}`)) as {
          rootfs: unknown
          config: unknown
        }
      ).rootfs
    const expected = await inspect(await shop.stream('on-docker', { name: 'top', ...top('./base.tar') }))
    assert.deepEqual(await inspect(await shop.stream('on-oci', { name: 'top', ...top('./skopeo-oci') })), expected)
    assert.deepEqual(await inspect(await shop.stream('on-tar', { name: 'top', ...top('./skopeo-oci.tar') })), expected)
  })
})

suite('OCI formats, read by Docker', needsRoot('dockerd', 'docker', 'runc', 'unshare', BUSYBOX), () => {
  let shop: Workshop
  let daemon: DockerDaemon

  before(async () => {
    shop = await makeWorkshop()
    await addBusybox(join(shop.path, 'busybox'))
    await writeFiles(shop.path, { 'below/base': 'base' })
    daemon = await startDockerDaemon(join(shop.path, 'd'))
  })
  after(async () => {
    await daemon?.[Symbol.asyncDispose]()
    await shop?.[Symbol.asyncDispose]()
  })

  for (const compressor of ['none', 'gz']) {
    test(`docker load takes an OCI archive with layers as ${compressor}, and runs it`, async () => {
      // Docker does not look at a layer it knows: each image has one of its own.
      await writeFiles(shop.path, { 'below/base': `base ${compressor}` })
      const file = await shop.build(`oci-${compressor}.tar`, { ...ARGS, compressor }, '--format', 'oci-archive')
      await daemon.docker('load', '-q', '-i', file)
      assert.equal(await daemon.docker('run', '--rm', `oci-${compressor}:v1`), `base ${compressor}`)
    })
  }

  test('docker import takes what export writes, and runs it', async () => {
    const archive = await shop.stream('exported', ARGS)
    await run(shop.command('export', archive, '-o', 'root.tar'))
    await daemon.docker('import', '-c', 'CMD ["/bin/cat", "/base"]', join(shop.path, 'root.tar'), 'imported:v1')
    assert.match(await daemon.docker('run', '--rm', 'imported:v1'), /^base/)
  })
})
