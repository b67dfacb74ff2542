import assert from 'node:assert/strict'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../interop/run.ts'
import { until } from '../interop/until.ts'
import type { Check, Checks } from './check.ts'
import { runsNix, startServer } from './image-checks.ts'
import { type Lab, ownImage } from './lab.ts'

async function layersOf(lab: Lab, image: string): Promise<readonly string[]> {
  return (await lab.daemon.inspect(image)).RootFS.Layers
}

function saysHello(definition: string): Check {
  return async (lab) => {
    assert.match(await lab.runs(await lab.image(definition)), /hello/i)
  }
}

function lists(definition: string, file: string): Check {
  return async (lab) => {
    assert.equal(await lab.runs(await lab.image(definition), '/bin/ls', file), `${file}\n`)
  }
}

function inheritsEnvironment(definition: string): Check {
  return async (lab) => {
    const env = (await lab.runs(await lab.image(definition), '/bin/env')).split('\n')
    for (const line of ['FROM_PARENT=true', 'FROM_CHILD=true', 'LAST_LAYER=child']) assert.ok(env.includes(line), line)
    assert.ok(!env.includes('LAST_LAYER=parent'))
  }
}

function keepsPrefix(definition: string, name: string): Check {
  return async (lab) => {
    await lab.alone(async (load) => {
      await load(definition)
      const names = await lab.daemon.docker('images', '--format', '{{.Repository}}')
      assert.ok(names.split('\n').includes(name), names)
    })
  }
}

/** Both images of a merged archive run, and can be removed. */
async function runsBashAndRedis(lab: Lab, merged: string, bash: string): Promise<void> {
  await lab.builds.archive(merged)
  await lab.alone(async (load) => {
    assert.deepEqual((await load(merged)).toSorted(), [bash, 'redis:latest'].toSorted())
    assert.match(await lab.runs(bash, 'bash', '--version'), /^GNU bash/)
    {
      await using server = await startServer(lab, ['redis:latest'])
      const ping = lab.daemon.command('exec', server.id, 'redis-cli', 'PING')
      assert.match(await until('redis', () => run(ping).catch(() => undefined)), /PONG/)
    }
    await lab.daemon.docker('rmi', bash, 'redis:latest')
    assert.equal(await lab.has(bash), false)
    assert.equal(await lab.has('redis:latest'), false)
  })
}

/** What a program in the second image of mergedBashFakeRoot prints. */
async function runsFakeRoot(lab: Lab, ...words: readonly string[]): Promise<string> {
  const name = 'layered-image-with-fake-root-commands:latest'
  let said = ''
  await lab.builds.archive('mergedBashFakeRoot')
  await lab.alone(async (load) => {
    assert.ok((await load('mergedBashFakeRoot')).includes(name))
    said = await lab.runs(name, ...words)
  })
  return said
}

/** T30 to T61: images on top of each other, side by side, and what scripts leave in them. */
export const LAYER_CHECKS: Checks = {
  T30: saysHello('layered-on-top'),
  T31: saysHello('layered-on-top-layered'),
  async T32(lab) {
    const first = await layersOf(lab, await lab.image('layered-image'))
    const second = await layersOf(lab, await lab.image('another-layered-image'))
    assert.ok(first.some((layer) => second.includes(layer)))
  },
  async T33(lab) {
    const image = await lab.image('layersOrder')
    const files = ['/tmp/layer1', '/tmp/layer2', '/tmp/layer3']
    assert.equal(await lab.runs(image, '/bin/sed', '', ...files), 'layer1\nlayer2\nlayer3\n')
  },
  async T34(lab) {
    const image = await lab.image('layersUnpackOrder')
    assert.equal(await lab.runs(image, 'bash', '-c', 'echo "$(</layer-order)"'), 'abc\n')
  },
  async T35(lab) {
    const base = await repeatLayer(lab, await lab.builds.result('bashUncompressed'))
    const definition = join(lab.builds.path, 'on-repeated.json')
    const args = { name: 'repeated', tag: 'latest', fromImage: base, runAsRoot: 'echo hello > /hello' }
    await writeFile(definition, JSON.stringify({ function: 'buildImage', args }))
    const image = await lab.image(definition)
    const layers = await layersOf(lab, image)
    assert.equal(layers.length, 3)
    assert.equal(layers[0], layers[1])
    await lab.runs(image, '/bin/bash', '-c', 'exit 0')
  },
  T36: inheritsEnvironment('environmentVariables'),
  T37: inheritsEnvironment('environmentVariablesLayered'),
  async T38(lab) {
    const { Config: config } = await lab.daemon.inspect(await lab.image('environmentVariablesLayered'))
    const set = (config['Env'] as readonly string[]).filter((line) => line.startsWith('LAST_LAYER='))
    assert.deepEqual(set, ['LAST_LAYER=child'])
  },
  async T39(lab) {
    assert.equal((await layersOf(lab, await lab.image('two-layered-image'))).length, 2)
  },
  async T40(lab) {
    await lists('bulk-layer', '/bin/hello')(lab)
    assert.equal((await layersOf(lab, await lab.image('bulk-layer'))).length, 2)
  },
  async T41(lab) {
    await lists('layered-bulk-layer', '/bin/hello')(lab)
    assert.equal((await layersOf(lab, await lab.image('layered-bulk-layer'))).length, 4)
  },
  async T42(lab) {
    const image = await lab.image('no-store-paths')
    assert.match(await lab.runs(image), /hello/i)
    const files = await lab.files(image)
    assert.ok(files.includes('bin/hello'))
    assert.deepEqual(
      files.filter((file) => file.startsWith('nix/store/')),
      [],
    )
  },
  async T43(lab) {
    const image = await lab.image('filesInStore')
    await runsNix(lab, image, 'nix-store', '--verify', '--check-contents')
    assert.equal(await lab.runs(image), 'some data\n')
  },
  async T44(lab) {
    const { Architecture: architecture } = await lab.daemon.inspect(await lab.image('cross'))
    assert.equal(architecture, process.arch === 'arm64' ? 'amd64' : 'arm64')
  },
  async T45(lab) {
    const image = await lab.image('layeredStoreSymlink')
    assert.match(await lab.runs(image), /^\/nix\/store\/\S+-dir\n$|^\/nix\/store\/\S+\n$/)
    const { Config: config } = await lab.daemon.inspect(image)
    const [, link = ''] = config['Cmd'] as readonly string[]
    assert.equal(await lab.runs(image, 'bash', '-c', `[[ -L ${link} && -d ${link} ]] && echo link`), 'link\n')
  },
  T46: keepsPrefix('prefixedImage', 'registry-1.docker.io/image'),
  T47: keepsPrefix('prefixedLayeredImage', 'registry-1.docker.io/layered-image'),
  async T48(lab) {
    const image = await lab.image('layeredImageWithFakeRootCommands')
    assert.equal(await lab.runs(image, '/bin/stat', '-c', '%u', '/home/alice'), '1000\n')
  },
  T49: (lab) => runsBashAndRedis(lab, 'mergedBashAndRedis', 'bash:latest'),
  T50: async (lab) => runsBashAndRedis(lab, 'mergedBashNoTagAndRedis', `bash-no-tag:${await lab.tagOf('bashNoTag')}`),
  async T51(lab) {
    assert.equal(await runsFakeRoot(lab, '/bin/stat', '-c', '%u', '/home/alice'), '1000\n')
  },
  async T52(lab) {
    assert.match(await runsFakeRoot(lab, '/hello/bin/hello'), /hello/i)
  },
  async T53(lab) {
    const names = ['bash-uncompressed:latest', 'bash-zstd:latest', 'redis:latest']
    await lab.alone(async (load) => assert.deepEqual((await load('mergeVaryingCompressor')).toSorted(), names))
  },
  async T54(lab) {
    const file = await lab.builds.result('exportBash')
    const listed = await run({ program: 'tar', args: ['-tf', file] })
    assert.ok(listed.split('\n').includes('./bin/bash'))
  },
  T55: saysHello('imageViaFakeChroot'),
  async T56(lab) {
    for (const definition of ['build-image-with-path', 'layered-image-with-path']) {
      assert.match(await lab.runs(await lab.image(definition), '/bin/cat', '/hello.txt'), /./, definition)
    }
  },
  async T57(lab) {
    for (const definition of ['build-image-with-architecture', 'layered-image-with-architecture']) {
      const { Architecture: architecture } = await lab.daemon.inspect(await lab.image(definition))
      assert.equal(architecture, 'arm64', definition)
    }
  },
  async T58(lab) {
    const image = await lab.image('etc')
    assert.match(await lab.runs(image), /localhost/)
    const files = await lab.files(image)
    // The engine brings `hosts` and `hostname` of its own, and makes them where an image has none.
    assert.ok(files.includes('etc/hosts'))
  },
  async T59(lab) {
    const image = await lab.image('image-with-certs')
    for (const file of [
      '/etc/ssl/certs/ca-bundle.crt',
      '/etc/ssl/certs/ca-certificates.crt',
      '/etc/pki/tls/certs/ca-bundle.crt',
    ]) {
      assert.match(await lab.runs('-u', '1000', image, '/bin/cat', file), /-----BEGIN CERTIFICATE-----/, file)
    }
  },
  async T60(lab) {
    const image = await lab.image(ownImage('chown-test'))
    assert.equal(await lab.runs(image, '/bin/stat', '-c', '%u:%g', '/testfile'), '12345:12345\n')
  },
  async T61(lab) {
    const image = await lab.image(ownImage('non-root-test'))
    const script = 'stat -c %u:%g "$(readlink -f /bin/bash)" /nix/store/*-bash; id -u -n'
    assert.equal(await lab.runs(image, 'bash', '-c', script), '1000:1000\n1000:1000\nuser\n')
  },
}

/** The same image with its one layer twice: the second is a symlink to the first, as `docker save` once wrote it. */
async function repeatLayer(lab: Lab, archive: string): Promise<string> {
  const folder = join(lab.builds.path, 'repeated')
  await mkdir(folder)
  await run({ program: 'tar', args: ['-xf', archive, '-C', folder, '--no-same-permissions'] })
  await run({ program: 'chmod', args: ['-R', 'u+w', folder] })
  const [manifest] = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as [
    { Config: string; Layers: string[] },
  ]
  const [layer = ''] = manifest.Layers
  await mkdir(join(folder, 'again'))
  await symlink(`../${layer}`, join(folder, 'again/layer.tar'))
  manifest.Layers.push('again/layer.tar')
  const config = JSON.parse(await readFile(join(folder, manifest.Config), 'utf8')) as {
    rootfs: { diff_ids: string[] }
    history: object[]
  }
  config.rootfs.diff_ids.push(...config.rootfs.diff_ids)
  config.history.push(...config.history)
  await writeFile(join(folder, manifest.Config), JSON.stringify(config))
  await writeFile(join(folder, 'manifest.json'), JSON.stringify([manifest]))
  const repeated = join(lab.builds.path, 'repeated.tar')
  await run({ program: 'tar', args: ['-cf', repeated, '-C', folder, '.'] })
  return repeated
}
