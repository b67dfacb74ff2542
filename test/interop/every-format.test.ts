import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'
import { listFolder } from './list-tree.ts'
import { BUSYBOX, needsRoot } from './needs.ts'
import { makePodman, type Podman } from './podman.ts'
import { run } from './run.ts'
import { addBusybox, makeWorkshop, type Workshop, writeFiles } from './workshop.ts'

const PROGRAMS = ['dockerd', 'docker', 'runc', 'podman', 'skopeo', 'umoci', 'unshare', 'python3', BUSYBOX]

/** What each function calls the files that go into the image. */
const FUNCTIONS = { buildImage: 'copyToRoot', buildLayeredImage: 'contents' } as const

suite('images in every format, taken by every program', needsRoot(...PROGRAMS), () => {
  let shop: Workshop
  let daemon: DockerDaemon
  let podman: Podman

  async function build(functionName: keyof typeof FUNCTIONS, name: string, format: string): Promise<string> {
    // An engine does not look at a layer it knows: each image has one of its own.
    await writeFiles(shop.path, { [`${name}/base`]: name })
    const contents = { [FUNCTIONS[functionName]]: ['./busybox', `./${name}`] }
    const args = { name, tag: 'v1', compressor: 'none', config: { Cmd: ['/bin/cat', '/base'] }, ...contents }
    const definition = join(shop.path, `${name}.json`)
    await writeFile(definition, JSON.stringify({ function: functionName, args }))
    await run(shop.command('build', definition, '-o', join(shop.path, `${name}.out`), '--format', format))
    return join(shop.path, `${name}.out`)
  }

  function skopeo(...args: readonly string[]): Promise<string> {
    const env = { ...process.env, XDG_RUNTIME_DIR: shop.path, TMPDIR: shop.path }
    return run({ program: 'skopeo', args: ['--insecure-policy', ...args], env, cwd: shop.path })
  }

  async function unpacked(layout: string): Promise<string | undefined> {
    await run({ program: 'umoci', args: ['unpack', '--image', `${layout}:v1`, `${layout}-bundle`], cwd: shop.path })
    const files = await listFolder(join(shop.path, `${layout}-bundle/rootfs`))
    return files.find(({ path }) => path === 'base')?.path
  }

  before(async () => {
    shop = await makeWorkshop()
    podman = await makePodman(shop.path)
    await addBusybox(join(shop.path, 'busybox'))
    daemon = await startDockerDaemon(join(shop.path, 'd'))
  })
  after(async () => {
    await daemon?.[Symbol.asyncDispose]()
    await shop?.[Symbol.asyncDispose]()
  })

  for (const functionName of ['buildImage', 'buildLayeredImage'] as const) {
    for (const format of ['docker-archive', 'oci-archive', 'oci'] as const) {
      const name = `${functionName.toLowerCase()}-${format}`
      test(`${functionName} as ${format}: podman, skopeo and umoci${format === 'oci' ? '' : ' and Docker'}`, async () => {
        const file = await build(functionName, name, format)
        const reference = format === 'docker-archive' ? `docker-archive:${file}` : `${format}:${file}:v1`
        await skopeo('copy', '--quiet', reference, `oci:${name}-layout:v1`)
        assert.equal(await unpacked(`${name}-layout`), 'base')
        if (format === 'oci') {
          // podman makes the image's name of the path.
          const id = await run(podman('pull', '-q', `oci:${name}.out:v1`))
          assert.equal(await run(podman('run', '--rm', id.trim())), name)
          return
        }
        const loaded = await run(podman('load', '-q', '-i', file))
        assert.equal(await run(podman('run', '--rm', loaded.replace(/^Loaded image: /, '').trim())), name)
        await daemon.docker('load', '-q', '-i', file)
        assert.equal(await daemon.docker('run', '--rm', `${name}:v1`), name)
      })
    }
  }

  test('what each program saves stands below another image', async () => {
    const base = await build('buildImage', 'saved-base', 'docker-archive')
    await daemon.docker('load', '-q', '-i', base)
    await daemon.docker('save', '-o', join(shop.path, 'by-docker'), 'saved-base:v1')
    await run(podman('load', '-q', '-i', base))
    for (const format of ['docker-archive', 'oci-archive', 'oci-dir']) {
      await run(podman('save', '-q', '--format', format, '-o', join(shop.path, `by-podman-${format}`), 'saved-base:v1'))
    }
    await skopeo('copy', '--quiet', `docker-archive:${base}`, 'oci:by-skopeo:v1')
    await skopeo('copy', '--quiet', `docker-archive:${base}`, 'oci-archive:by-skopeo.tar:v1')
    const sources = ['docker', 'podman-docker-archive', 'podman-oci-archive', 'podman-oci-dir', 'skopeo', 'skopeo.tar']
    await writeFiles(shop.path, { 'top/top': 'top of ' })
    for (const source of sources) {
      for (const functionName of ['buildImage', 'buildLayeredImage'] as const) {
        const name = `${functionName.toLowerCase()}-on-${source.replace('.', '-')}`
        const contents = { [FUNCTIONS[functionName]]: ['./top'] }
        const config = { Cmd: ['/bin/cat', '/top', '/base'] }
        const args = { name, tag: 'v1', compressor: 'none', config, fromImage: `./by-${source}`, ...contents }
        await writeFile(join(shop.path, `${name}.json`), JSON.stringify({ function: functionName, args }))
        await run(shop.command('build', `${name}.json`, '-o', join(shop.path, `${name}.out`)))
        await daemon.docker('load', '-q', '-i', join(shop.path, `${name}.out`))
        assert.equal(await daemon.docker('run', '--rm', `${name}:v1`), 'top of saved-base')
      }
    }
  })
})
