import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { streamLayeredImage } from '#docker-tools'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'
import { below, listFolder, listTar, shapeOf } from './list-tree.ts'
import { BUSYBOX, needsRoot } from './needs.ts'
import { makeOddTree } from './odd-tree.ts'
import { pipe, run } from './run.ts'
import { addBusybox, makeWorkshop, type Workshop, writeFiles } from './workshop.ts'
import { useOwnHome } from '../support/own-home.ts'

useOwnHome()

suite('Docker', needsRoot('dockerd', 'docker', 'runc', 'unshare', 'python3', BUSYBOX), () => {
  let shop: Workshop
  let daemon: DockerDaemon

  before(async () => {
    shop = await makeWorkshop()
    await addBusybox(join(shop.path, 'busybox'))
    daemon = await startDockerDaemon(join(shop.path, 'd'))
  })
  after(async () => {
    await daemon?.[Symbol.asyncDispose]()
    await shop?.[Symbol.asyncDispose]()
  })

  test('loads a streamed image through a pipe and runs the program in it', async () => {
    const definition = await shop.define('piped', 'streamLayeredImage', {
      name: 'piped',
      contents: ['./busybox'],
      config: { Cmd: ['/bin/sh', '-c', 'echo "it runs as $(id -u)"'] },
    })
    const loaded = await pipe(shop.command('stream', definition), daemon.command('load'))
    assert.match(loaded, /Loaded image: piped:v1/)
    assert.equal(await daemon.docker('run', '--rm', 'piped:v1'), 'it runs as 0\n')
  })

  test('loads what the program that build makes of a stream writes', async () => {
    const definition = await shop.define('program', 'streamLayeredImage', { name: 'program', contents: ['./busybox'] })
    const program = join(shop.path, 'program')
    await run(shop.command('build', definition, '-o', program))
    const env = { ...process.env, XDG_CACHE_HOME: join(shop.path, 'cache') }
    assert.match(await pipe({ program, args: [], env, cwd: '/' }, daemon.command('load')), /Loaded image: program:v1/)
  })

  test('takes the name that -t gives', async () => {
    const definition = await shop.define('named', 'streamLayeredImage', { name: 'named', contents: ['./busybox'] })
    const loaded = await pipe(
      shop.command('stream', definition, '-t', 'registry.example/a/b:2'),
      daemon.command('load'),
    )
    assert.match(loaded, /Loaded image: registry\.example\/a\/b:2/)
  })

  test('knows the image by the ID, layers and history that the library reports', async () => {
    const file = join(shop.path, 'summary.tar')
    await using output = await open(file, 'w')
    const recipe = streamLayeredImage({
      name: 'summary',
      tag: 'v1',
      contents: ['./busybox'],
      created: '2024-02-29T12:34:56Z',
      architecture: 'amd64',
    })
    const summary = await recipe.writeTo(
      { write: async (chunk) => output.writeFile(chunk) },
      { baseDirectory: shop.path, cacheDirectory: null },
    )
    await daemon.docker('load', '-q', '-i', file)
    const image = await daemon.inspect(summary.repoTag)
    assert.equal(image.Id, summary.imageId)
    assert.deepEqual(image.RootFS.Layers, summary.layers)
    assert.equal(image.Created, '2024-02-29T12:34:56Z')
    assert.deepEqual([image.Architecture, image.Os], ['amd64', 'linux'])
    const comments = await daemon.docker('history', '--no-trunc', '--format', '{{.Comment}}', summary.repoTag)
    const [top = '', bottom = ''] = comments.trim().split('\n')
    assert.match(top, /^store paths: \['\/nix\/store\/[^']+-summary-customisation-layer'\]$/)
    assert.match(bottom, /^store paths: \['\/nix\/store\/[^']+-busybox'\]$/)
  })

  test('hands the whole configuration to the container', async () => {
    const config = {
      Entrypoint: ['/bin/sh', '-c'],
      Cmd: ['echo "$GREETING from $(pwd) as $(id -u):$(id -g)"; ls -d /data'],
      Env: ['GREETING=hello = world', 'PATH=/bin'],
      WorkingDir: '/tmp/work',
      User: '1000:1001',
      ExposedPorts: { '8080/tcp': {}, '53/udp': {} },
      Volumes: { '/data': {} },
      Labels: { 'org.example.quote': 'it\'s "quoted" – ünïcödé' },
      StopSignal: 'SIGINT',
      Healthcheck: { Test: ['CMD', '/bin/sh', '-c', 'true'], Interval: 30_000_000_000 },
    }
    const archive = await shop.stream('configured', { contents: ['./busybox'], config })
    await daemon.docker('load', '-q', '-i', archive)
    const { Config: seen } = await daemon.inspect('configured:v1')
    for (const [name, value] of Object.entries(config)) assert.deepEqual(seen[name], value, name)
    assert.equal(
      await daemon.docker('run', '--rm', 'configured:v1'),
      'hello = world from /tmp/work as 1000:1001\n/data\n',
    )
  })

  test('sees the owners and modes that uid, gid, uname and gname say', async () => {
    await writeFiles(join(shop.path, 'owned'), { 'etc/thing': 'x' })
    const archive = await shop.stream('owned', {
      contents: ['./busybox', './owned'],
      uid: 1234,
      gid: 70_000,
      uname: 'someone',
      gname: 'somegroup',
    })
    await daemon.docker('load', '-q', '-i', archive)
    const format = '%u:%g %a %F'
    const seen = await daemon.docker(
      'run',
      '--rm',
      'owned:v1',
      '/bin/stat',
      '-L',
      '-c',
      format,
      '/etc/thing',
      '/bin/sh',
    )
    assert.equal(seen, '1234:70000 444 regular file\n1234:70000 555 regular file\n')
    const links = await daemon.docker('run', '--rm', 'owned:v1', '/bin/stat', '-c', format, '/etc', '/etc/thing')
    assert.equal(links, '0:0 755 directory\n0:0 777 symbolic link\n')
  })

  test('runs what extraCommands made', async () => {
    const archive = await shop.stream('scripted', {
      contents: ['./busybox'],
      extraCommands: 'mkdir -m 1777 tmp; echo made > made; chmod 640 made; ln -s made alias',
    })
    await daemon.docker('load', '-q', '-i', archive)
    const seen = await daemon.docker('run', '--rm', 'scripted:v1', '/bin/stat', '-c', '%a %n', '/tmp', '/made')
    assert.equal(seen, '1777 /tmp\n640 /made\n')
    assert.equal(await daemon.docker('run', '--rm', 'scripted:v1', '/bin/cat', '/alias'), 'made\n')
  })

  test('gives back odd names, long paths and links as they were', async () => {
    await makeOddTree(join(shop.path, 'odd'))
    await daemon.docker('load', '-q', '-i', await shop.stream('odd', { contents: ['./odd'], config: { Cmd: ['/x'] } }))
    const id = (await daemon.docker('create', 'odd:v1')).trim()
    const exported = join(shop.path, 'exported.tar')
    await daemon.docker('export', '-o', exported, id)
    const files = await listTar(exported)
    const storePath = files.find(({ path }) => /^nix\/store\/[^/]+-odd\/?$/.test(path))?.path.replace(/\/$/, '')
    assert.ok(storePath !== undefined)
    const inside = below(storePath, files)
    // Hard links become two files, as in a NAR.
    assert.deepEqual(shapeOf(inside), shapeOf(await listFolder(join(shop.path, 'odd'))))
    const modes = new Set(
      inside.filter(({ type }) => type === 'file').map(({ mode, mtime }) => `${mode.toString(8)} ${mtime}`),
    )
    assert.deepEqual([...modes].toSorted(), ['444 1', '555 1'])
    const links = files.filter(({ path }) => path.startsWith('names/') && !path.endsWith('/'))
    assert.equal(links.length, inside.filter(({ path }) => path.startsWith('names/')).length)
    for (const { type, path, target } of links) assert.equal(`${type} ${target}`, `symlink /${storePath}/${path}`)
  })

  test('loads the gzip and the plain archive that build writes', async () => {
    for (const compressor of ['gz', 'none']) {
      const name = `built-${compressor}`
      const archive = await shop.build(`${name}.tar`, {
        contents: ['./busybox'],
        compressor,
        config: { Cmd: ['/bin/readlink', '/bin/sh'] },
      })
      await daemon.docker('load', '-q', '-i', archive)
      assert.equal(await daemon.docker('run', '--rm', `${name}:v1`), 'busybox\n')
    }
  })

  test('mounts a hundred layers', async () => {
    const names = Array.from({ length: 120 }, (_, index) => `part-${index}`)
    for (const name of names) await writeFiles(join(shop.path, 'parts', name), { [`share/${name}`]: name })
    const archive = await shop.stream('many', {
      contents: ['./busybox', ...names.map((name) => `./parts/${name}`)],
      maxLayers: 100,
    })
    await daemon.docker('load', '-q', '-i', archive)
    assert.equal((await daemon.inspect('many:v1')).RootFS.Layers.length, 100)
    const script = 'for i in /share/part-*; do cat $i; echo; done'
    const seen = await daemon.docker('run', '--rm', 'many:v1', '/bin/sh', '-c', script)
    assert.deepEqual(seen.trim().split('\n').toSorted(), names.toSorted())
  })
})
