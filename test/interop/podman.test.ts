import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { listTar } from './list-tree.ts'
import { BUSYBOX, needsRoot } from './needs.ts'
import { makePodman, type Podman } from './podman.ts'
import { pipe, run } from './run.ts'
import { addBusybox, digestOfFile, makeWorkshop, type Workshop, writeFiles } from './workshop.ts'

const ECHO = ['/bin/sh', '-c', 'echo "$FROM $TOP"; cat /base']

suite('podman', needsRoot('podman', 'runc', 'zcat', 'python3', BUSYBOX), () => {
  let shop: Workshop

  let podman: Podman

  before(async () => {
    shop = await makeWorkshop()
    podman = await makePodman(shop.path)
    await addBusybox(join(shop.path, 'busybox'))
    await writeFiles(shop.path, { 'below/base': 'base\n' })
  })
  after(() => shop?.[Symbol.asyncDispose]())

  test('loads a streamed image through a pipe and runs it', async () => {
    const definition = await shop.define('piped', 'streamLayeredImage', {
      name: 'piped',
      contents: ['./busybox', './below'],
      config: { Cmd: ECHO, Env: ['FROM=base'] },
    })
    await pipe(shop.command('stream', definition), podman('load', '-q'))
    assert.equal(await run(podman('run', '--rm', 'localhost/piped:v1')), 'base \nbase\n')
  })

  test('gives the image the ID that is in the archive', async () => {
    const archive = await shop.stream('identified', { contents: ['./busybox'] })
    const config = (await listTar(archive)).find(({ path }) => /^[0-9a-f]{64}\.json$/.test(path))
    await run(podman('load', '-q', '-i', archive))
    const id = await run(podman('image', 'inspect', '-f', '{{.Id}}', 'localhost/identified:v1'))
    assert.equal(`${id.trim()}.json`, config?.path)
    assert.equal(id.trim(), config?.sha256)
  })

  test('loads the zstd archive that build writes, and the gzip one unpacked', async () => {
    const args = { contents: ['./busybox', './below'], config: { Cmd: ECHO } }
    const zstd = await shop.build('packed-zstd.tar.zst', { ...args, compressor: 'zstd' })
    await run(podman('load', '-q', '-i', zstd))
    assert.equal(await run(podman('run', '--rm', 'localhost/packed-zstd:v1')), ' \nbase\n')
    const gzip = await shop.build('packed-gz.tar.gz', args)
    await pipe({ program: 'zcat', args: [gzip] }, podman('load', '-q'))
    assert.equal(await run(podman('run', '--rm', 'localhost/packed-gz:v1')), ' \nbase\n')
  })

  test('saves what can be a base image', async () => {
    const base = { contents: ['./busybox', './below'], config: { Env: ['FROM=base'] } }
    await run(podman('load', '-q', '-i', await shop.stream('base', base)))
    const saved = join(shop.path, 'saved.tar')
    await run(podman('save', '-q', '--format', 'docker-archive', '-o', saved, 'localhost/base:v1'))
    const top = { fromImage: './saved.tar', config: { Cmd: ECHO, Env: ['TOP=top'] } }
    await run(podman('load', '-q', '-i', await shop.stream('top', top)))
    assert.equal(await run(podman('run', '--rm', 'localhost/top:v1')), 'base top\nbase\n')
    const onOwn = await shop.stream('on-own', { ...top, fromImage: './base.tar' })
    assert.deepEqual(await layerDigests(join(shop.path, 'top.tar')), await layerDigests(onOwn))
    assert.notEqual(await digestOfFile(saved), await digestOfFile(join(shop.path, 'base.tar')))
  })
})

async function layerDigests(archive: string): Promise<string[]> {
  return (await listTar(archive)).filter(({ path }) => path.endsWith('.tar')).map(({ sha256 }) => sha256 ?? '')
}
