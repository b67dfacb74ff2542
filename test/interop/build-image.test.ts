import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'
import { BUSYBOX, needs, needsRoot } from './needs.ts'
import { run } from './run.ts'
import { addBusybox, makeWorkshop, type Workshop, writeFiles } from './workshop.ts'

const IMAGE = { copyToRoot: ['./busybox', './below'], config: { Cmd: ['/bin/cat', '/base'], Env: ['A=base'] } }

/** `dockertools build` of a function into a file in the workshop's folder. */
async function build(shop: Workshop, file: string, functionName: string, args: object): Promise<string> {
  const definition = join(shop.path, `${file}.json`)
  await writeFile(definition, JSON.stringify({ function: functionName, args }))
  await run(shop.command('build', definition, '-o', join(shop.path, file)))
  return join(shop.path, file)
}

suite('images by buildImage and mergeImages in Docker', needsRoot('dockerd', 'docker', 'runc', BUSYBOX), () => {
  let shop: Workshop
  let daemon: DockerDaemon

  before(async () => {
    shop = await makeWorkshop()
    await addBusybox(join(shop.path, 'busybox'))
    await writeFiles(shop.path, { 'top/top': 'top ', 'below/base': 'base' })
    daemon = await startDockerDaemon(join(shop.path, 'd'))
  })
  after(async () => {
    await daemon?.[Symbol.asyncDispose]()
    await shop?.[Symbol.asyncDispose]()
  })

  test('run, with what extraCommands made', async () => {
    const extraCommands = 'mkdir -m 755 made; echo -n made > made/file'
    const config = { Cmd: ['/bin/cat', '/base', '/made/file'] }
    const args = { ...IMAGE, name: 'plain', tag: '1', extraCommands, config }
    await daemon.docker('load', '-q', '-i', await build(shop, 'plain.tar.gz', 'buildImage', args))
    assert.equal(await daemon.docker('run', '--rm', 'plain:1'), 'basemade')
  })

  test('stand on an image that Docker saved', async () => {
    const base = await build(shop, 'base.tar', 'buildImage', { ...IMAGE, name: 'base', tag: '1', compressor: 'none' })
    await daemon.docker('load', '-q', '-i', base)
    await daemon.docker('save', '-o', join(shop.path, 'saved.tar'), 'base:1')
    const config = { Cmd: ['/bin/cat', '/top', '/base'], Env: ['B=top'] }
    const args = { name: 'on-saved', tag: '1', fromImage: './saved.tar', copyToRoot: './top', config }
    await daemon.docker('load', '-q', '-i', await build(shop, 'on-saved.tar.gz', 'buildImage', args))
    assert.equal(await daemon.docker('run', '--rm', 'on-saved:1'), 'top base')
    const [below, above] = [await daemon.inspect('base:1'), await daemon.inspect('on-saved:1')]
    assert.deepEqual(above.RootFS.Layers.slice(0, -1), below.RootFS.Layers)
    assert.ok((above.Config['Env'] as string[]).includes('A=base'))
  })

  test('come out of one merged archive', async () => {
    const images = [
      { function: 'buildImage', args: { ...IMAGE, name: 'one', tag: '1' } },
      {
        function: 'streamLayeredImage',
        args: { name: 'two', tag: '1', contents: ['./busybox', './below'], config: IMAGE.config },
      },
      { function: 'buildImage', args: { ...IMAGE, name: 'three', tag: '1', compressor: 'none' } },
    ]
    await daemon.docker('load', '-q', '-i', await build(shop, 'merged.tar', 'mergeImages', { images }))
    for (const name of ['one', 'two', 'three']) assert.equal(await daemon.docker('run', '--rm', `${name}:1`), 'base')
  })
})

suite('images by buildImage elsewhere', needs('skopeo', BUSYBOX), () => {
  test('are copied by skopeo, also out of a merged archive', async () => {
    await using shop = await makeWorkshop()
    await addBusybox(join(shop.path, 'busybox'))
    await writeFiles(shop.path, { 'below/base': 'base' })
    const plain = await build(shop, 'plain.tar.zst', 'buildImage', {
      ...IMAGE,
      name: 'plain',
      tag: '1',
      compressor: 'zstd',
    })
    const images = [
      './plain.tar.zst',
      { function: 'buildImage', args: { ...IMAGE, name: 'other', tag: '2', compressor: 'none' } },
    ]
    const merged = await build(shop, 'merged.tar', 'mergeImages', { images })
    for (const [source, target] of [
      [`docker-archive:${plain}`, 'plain'],
      [`docker-archive:${merged}:docker.io/library/other:2`, 'other'],
    ] as const) {
      await mkdir(join(shop.path, target))
      const args = ['--insecure-policy', 'copy', '-q', source, `oci:${join(shop.path, target)}:x`]
      await run({ program: 'skopeo', args })
    }
  })

  test('are loaded by podman', needsRoot('podman', BUSYBOX), async () => {
    await using shop = await makeWorkshop()
    await addBusybox(join(shop.path, 'busybox'))
    await writeFiles(shop.path, { 'below/base': 'base' })
    const image = await build(shop, 'image.tar', 'buildImage', {
      ...IMAGE,
      name: 'podman-image',
      tag: '1',
      compressor: 'none',
    })
    const store = ['--root', join(shop.path, 'p'), '--runroot', join(shop.path, 'r'), '--storage-driver', 'vfs']
    await run({ program: 'podman', args: [...store, 'load', '-q', '-i', image] })
    const listed = await run({ program: 'podman', args: [...store, 'images', '--format', '{{.Repository}}:{{.Tag}}'] })
    assert.match(listed, /podman-image:1/)
  })
})
