import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { below, listFolder, listTar, shapeOf } from './list-tree.ts'
import { needs } from './needs.ts'
import { makeOddTree } from './odd-tree.ts'
import { run } from './run.ts'
import { makeWorkshop, type Workshop, writeFiles } from './workshop.ts'

const isRoot = process.getuid?.() === 0

suite('skopeo and umoci', needs('skopeo', 'umoci', 'python3'), () => {
  let shop: Workshop
  let archive: string

  function skopeo(...args: readonly string[]): Promise<string> {
    const env = { ...process.env, XDG_RUNTIME_DIR: shop.path, TMPDIR: shop.path }
    return run({ program: 'skopeo', args: ['--insecure-policy', ...args], env, cwd: shop.path })
  }

  /** Unpacks an image of the OCI layout `oci` and gives the folder of its root. */
  async function unpack(tag: string): Promise<string> {
    const bundle = join(shop.path, `bundle-${tag}`)
    const mode = isRoot ? [] : ['--rootless']
    await run({ program: 'umoci', args: ['unpack', ...mode, '--image', `oci:${tag}`, bundle], cwd: shop.path })
    return join(bundle, 'rootfs')
  }

  before(async () => {
    shop = await makeWorkshop()
    await makeOddTree(join(shop.path, 'odd'))
    await writeFiles(shop.path, { 'second/file': '2' })
    archive = await shop.stream('inspected', {
      contents: ['./odd', './second'],
      created: '2001-02-03T04:05:06Z',
      architecture: 'arm64',
      config: { Cmd: ['/program'], Env: ['A=b'], Labels: { key: 'value' } },
    })
    await skopeo('copy', '--quiet', `docker-archive:${archive}`, 'oci:oci:plain')
  })
  after(() => shop?.[Symbol.asyncDispose]())

  test('skopeo inspects the archive', async () => {
    const image = JSON.parse(await skopeo('inspect', `docker-archive:${archive}`)) as Readonly<Record<string, unknown>>
    const layers = (await listTar(archive)).filter(({ path }) => path.endsWith('/layer.tar'))
    assert.deepEqual(
      image['Layers'],
      layers.map(({ sha256 }) => `sha256:${sha256}`),
    )
    assert.deepEqual(
      [image['Created'], image['Architecture'], image['Os'], image['Env'], image['Labels']],
      ['2001-02-03T04:05:06Z', 'arm64', 'linux', ['A=b'], { key: 'value' }],
    )
  })

  test('skopeo finds the tag in the archive', async () => {
    const raw = await skopeo('list-tags', `docker-archive:${archive}`)
    assert.deepEqual((JSON.parse(raw) as { readonly Tags: unknown }).Tags, ['inspected:v1'])
  })

  test('umoci unpacks, after skopeo, the files that went in', async () => {
    const root = await unpack('plain')
    const files = await listFolder(root)
    const source = files.find(({ path }) => /^nix\/store\/[^/]+-odd$/.test(path))?.path ?? ''
    const inside = below(source, files)
    assert.deepEqual(shapeOf(inside), shapeOf(await listFolder(join(shop.path, 'odd'))))
    assert.deepEqual(new Set(inside.map(({ mtime }) => mtime)), new Set([1]))
    const modes = inside.filter(({ type }) => type === 'file').map(({ path, mode }) => [path, mode] as const)
    for (const [path, mode] of modes) assert.equal(mode, path === 'program' ? 0o555 : 0o444, path)
    assert.equal(files.find(({ path }) => path === 'file')?.target?.endsWith('-second/file'), true)
  })

  test('skopeo reads the zstd archive that build writes, with the same image in it', async () => {
    const packed = await shop.build('packed.tar.zst', {
      name: 'inspected',
      contents: ['./odd', './second'],
      created: '2001-02-03T04:05:06Z',
      architecture: 'arm64',
      config: { Cmd: ['/program'], Env: ['A=b'], Labels: { key: 'value' } },
      compressor: 'zstd',
    })
    assert.equal(
      await skopeo('inspect', `docker-archive:${packed}`),
      await skopeo('inspect', `docker-archive:${archive}`),
    )
  })

  test('what skopeo writes can be a base image, also with compressed layers', async () => {
    await skopeo('copy', '--quiet', 'oci:oci:plain', 'docker-archive:copied.tar:copied:v1')
    const top = await shop.stream('top', { fromImage: './copied.tar', contents: ['./second'], architecture: 'arm64' })
    await skopeo('copy', '--quiet', `docker-archive:${top}`, 'oci:oci:top')
    const seen = shapeOf(await listFolder(await unpack('top')))
    for (const line of shapeOf(await listFolder(join(shop.path, 'bundle-plain/rootfs'))))
      assert.ok(seen.includes(line), line)
  })
})
