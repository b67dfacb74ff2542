import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { type MadeLayer, MadeLayout, dockerFiles, tarOf, writeFilesTo } from '../support/make-image.ts'
import { makeTar } from '../support/make-tar.ts'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'
import { listTar } from './list-tree.ts'
import { needsRoot } from './needs.ts'
import { run } from './run.ts'
import { makeWorkshop, type Workshop } from './workshop.ts'

const LONG = `${'long/'.repeat(40)}name`

/** An image with everything that merging layers has to get right. Owner 7 has a name here, which no image knows. */
const LAYERS: readonly MadeLayer[] = [
  {
    tar: makeTar([
      { name: './', type: '5', mode: 0o755 },
      { name: 'replaced/', type: '5', mode: 0o755 },
      { name: 'replaced/old', body: 'old' },
      { name: 'opaque/', type: '5', mode: 0o750, owner: 70_001 },
      { name: 'opaque/hidden', body: 'hidden' },
      { name: 'opaque/folder/', type: '5', mode: 0o755 },
      { name: 'opaque/folder/deep', body: 'deep' },
      { name: 'gone', body: 'gone' },
      { name: 'kept', body: 'kept', mode: 0o4755, owner: 70_000 },
      { name: 'one', body: 'linked' },
      { name: 'two', type: '1', link: 'one' },
      { name: 'link', type: '2', link: 'nowhere', mode: 0o777 },
      { name: 'file-to-folder', body: 'file' },
      { name: 'dir/', type: '5', mode: 0o700 },
      { name: 'dir/file', body: '1' },
      { name: 'Upper', body: 'U' },
      { name: 'under_score', body: '_' },
    ]),
  },
  {
    tar: makeTar([
      { name: '.wh.gone' },
      { name: 'opaque/', type: '5', mode: 0o711, owner: 70_001 },
      { name: 'opaque/shown', body: 'shown' },
      { name: 'opaque/.wh..wh..opq' },
      { name: '.wh.replaced' },
      { name: 'replaced', body: 'a file now', mode: 0o600 },
      { name: '.wh.file-to-folder' },
      { name: 'file-to-folder/', type: '5', mode: 0o755 },
      { name: 'file-to-folder/inside', body: 'inside' },
      { name: 'dir/', type: '5', mode: 0o755, owner: 70_002 },
      { name: 'dir/other', body: '2' },
      { name: 'one', body: 'no longer linked' },
      { name: 'new-one', body: 'x'.repeat(300_000) },
      { name: 'new-two', type: '1', link: 'new-one' },
    ]),
  },
  {
    tar: makeTar([
      { name: 'dir/', type: '5', mode: 0o755, owner: 70_002 },
      { name: 'dir/.wh.file' },
      { name: 'fifo', type: '6', mode: 0o644 },
    ]),
  },
]

suite('the file system of an image', needsRoot('umoci', 'tar', 'python3'), () => {
  let shop: Workshop

  before(async () => {
    shop = await makeWorkshop()
    const layout = new MadeLayout()
    const ref = { annotations: { 'org.opencontainers.image.ref.name': 'v1' } }
    writeFilesTo(join(shop.path, 'layout'), layout.index(layout.image(LAYERS, {}, ref)))
    await writeFile(join(shop.path, 'docker.tar'), tarOf(dockerFiles(LAYERS, ['made:v1'])))
    await run(shop.command('export', 'layout', '-o', 'layout-root.tar'))
    await run(shop.command('export', 'docker.tar', '-o', 'docker-root.tar'))
  })
  after(() => shop?.[Symbol.asyncDispose]())

  test('is, byte for byte, the tar that GNU tar makes of what umoci unpacks', async () => {
    await run({ program: 'umoci', args: ['unpack', '--image', 'layout:v1', 'bundle'], cwd: shop.path })
    const options = ['--hard-dereference', '--sort=name', '--mtime=@315532800', '--format=gnu']
    await run({ program: 'tar', args: ['-C', 'bundle/rootfs', ...options, '-cf', 'umoci.tar', '.'], cwd: shop.path })
    const exported = await readFile(join(shop.path, 'layout-root.tar'))
    assert.deepEqual(await listTar(join(shop.path, 'layout-root.tar')), await listTar(join(shop.path, 'umoci.tar')))
    assert.ok(exported.equals(await readFile(join(shop.path, 'umoci.tar'))))
    assert.ok(exported.equals(await readFile(join(shop.path, 'docker-root.tar'))))
  })
})

suite('the file system of an image in Docker', needsRoot('dockerd', 'docker', 'unshare', 'python3'), () => {
  let shop: Workshop
  let daemon: DockerDaemon

  before(async () => {
    shop = await makeWorkshop()
    daemon = await startDockerDaemon(join(shop.path, 'd'))
  })
  after(async () => {
    await daemon?.[Symbol.asyncDispose]()
    await shop?.[Symbol.asyncDispose]()
  })

  test('is what docker export gives, file by file', async () => {
    const archive = join(shop.path, 'docker.tar')
    await writeFile(
      archive,
      tarOf(dockerFiles([...LAYERS, { tar: makeTar([{ name: LONG, body: 'l' }]) }], ['made:v1'])),
    )
    await run(shop.command('export', archive, '-o', 'root.tar'))
    await daemon.docker('load', '-q', '-i', archive)
    await daemon.docker('create', '--name', 'made', 'made:v1', '/none')
    await daemon.docker('export', '-o', join(shop.path, 'exported.tar'), 'made')
    // The daemon puts these into every container; the parents that the layer does not have, it makes in its own mode.
    const own = /^(?:\.dockerenv|dev|etc|proc|sys)(?:\/|$)|^long(?:\/|$)/
    const comparable = async (file: string): Promise<readonly string[]> => {
      const files = (await listTar(file)).map((one) => ({ ...one, path: one.path.replace(/^\.(?:\/|$)|\/$/g, '') }))
      const contents = new Map(files.map((one) => [one.path, one.sha256]))
      return files
        .filter(({ path }) => path !== '' && !own.test(path))
        .map((one) => {
          // Docker keeps hard links as links; here each is the file.
          const isLink = one.type === 'hardlink'
          const content = isLink ? contents.get(one.target ?? '') : (one.sha256 ?? one.target ?? '')
          return [isLink ? 'file' : one.type, one.path, one.mode, one.uid, one.gid, content].join(' ')
        })
        .toSorted()
    }
    assert.deepEqual(await comparable(join(shop.path, 'root.tar')), await comparable(join(shop.path, 'exported.tar')))
    assert.ok((await comparable(join(shop.path, 'root.tar'))).length > 15)
  })
})
