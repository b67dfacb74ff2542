import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { needs, needsRoot } from '../support/places.ts'
import { type Bench, type CliResult, makeBench, resultOf } from '../support/run-cli.ts'

/** Modules and JSON of images with parts that have to be built. */
const MODULE = `
import { buildImage, buildLayeredImage, mergeImages, runCommand, streamLayeredImage, symlinkJoin, writeShellScriptBin, writeTextDir } from 'dockertools'
const hello = writeShellScriptBin('hello', 'echo hello')
export const conf = writeTextDir('etc/hello.conf', \`run=\${hello}/bin/hello\\n\`)
const args = { name: 'site', tag: '1', architecture: 'amd64' }
export const base = buildImage({ ...args, name: 'base', copyToRoot: './tree' })
export default buildLayeredImage({
  ...args, fromImage: base, contents: [symlinkJoin({ name: 'all', paths: [hello, conf] })],
  config: { Cmd: [\`\${hello}/bin/hello\`], Env: [\`CONF=\${conf}/etc/hello.conf\`] },
  extraCommands: \`cat \${conf}/etc/hello.conf > copied\`,
})
export const plain = buildLayeredImage({ ...args, contents: [hello, './tree'], compressor: 'none' })
export const streamed = streamLayeredImage({ ...args, fromImage: base, contents: [hello, './tree'] })
export const both = mergeImages([base, plain])
export const random = buildLayeredImage({ ...args, name: 'random', extraCommands: 'head -c 16 /dev/urandom > chance' })
export const slow = buildLayeredImage({ ...args, name: 'slow', extraCommands: 'echo started; sleep 30' })
`

interface StoreBench extends Bench {
  readonly root: string
  /** Runs `build` on a store of its own. */
  build(definition: string, ...more: readonly string[]): Promise<CliResult>
}

async function makeStoreBench(): Promise<StoreBench> {
  const bench = await makeBench()
  mkdirSync(join(bench.path, 'tree/etc'), { recursive: true })
  writeFileSync(join(bench.path, 'tree/etc/motd'), 'hello\n')
  writeFileSync(join(bench.path, 'image.ts'), MODULE)
  const root = join(bench.path, 'store')
  return {
    ...bench,
    root,
    build: (definition, ...more) =>
      bench.run(['build', definition, '--store', `local:${root}`, '--log-format=json', ...more]),
  }
}

function succeeded(result: CliResult): string {
  assert.equal(result.status, 0, result.stderr)
  return result.stdout.toString().trimEnd()
}

function events(
  result: CliResult,
): readonly { readonly type: string; readonly path?: string; readonly code?: string }[] {
  return result.stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { type: string })
}

function names(root: string): readonly string[] {
  return existsSync(join(root, 'nix/store'))
    ? readdirSync(join(root, 'nix/store')).filter((name) => !name.startsWith('.'))
    : []
}

/** Nothing of a build is left beside what the store has registered. */
function assertNoScratch(root: string): void {
  const folder = join(root, 'nix/var/nix/dockertools/scratch')
  assert.deepEqual(existsSync(folder) ? readdirSync(folder) : [], [])
}

function tarOf(file: string): Buffer {
  return gunzipSync(readFileSync(file))
}

test('build puts the image into the store, makes a link to it, and the second build does nothing', async () => {
  await using bench = await makeStoreBench()
  const first = await bench.build('image.ts')
  const path = succeeded(first)
  assert.match(path, /\/store\/nix\/store\/[0-9a-z]{32}-site\.tar\.gz$/)
  assert.equal(readlinkSync(join(bench.path, 'result')), path)
  assert.equal(lstatSync(path).mode & 0o777, 0o444)
  const made = events(first).filter(({ type }) => type === 'building')
  assert.deepEqual(
    made.map((event) => event.path?.slice(44)).filter((name) => name?.endsWith('.gz')),
    ['docker-image-base.tar.gz', 'site.tar.gz'],
  )
  assert.ok(events(first).some(({ type }) => type === 'store-layer'))

  const second = await bench.build('image.ts')
  assert.equal(succeeded(second), path)
  assert.deepEqual(events(second), [])
  assertNoScratch(bench.root)
  assert.deepEqual(bench.leftovers(), [])

  const streamed = await bench.run(['stream', 'image.ts', '--store', `local:${bench.root}`])
  assert.ok(tarOf(path).equals(streamed.stdout), 'the archive in the store has the bytes that stream gives')
  const file = await bench.build('image.ts', '-o', 'image.tar.gz')
  assert.equal(succeeded(file), 'image.tar.gz')
  assert.ok(lstatSync(join(bench.path, 'image.tar.gz')).isFile())
  assert.ok(readFileSync(join(bench.path, 'image.tar.gz')).equals(readFileSync(path)))
})

test('templates in config, in extraCommands and in other outputs become the paths of what they name', async () => {
  await using bench = await makeStoreBench()
  const archive = tarOf(succeeded(await bench.build('image.ts')))
  const list = execFileSync('tar', ['-xO', 'manifest.json'], { input: archive }).toString()
  const [{ Config, Layers }] = JSON.parse(list) as [{ Config: string; Layers: string[] }]
  const config = JSON.parse(execFileSync('tar', ['-xO', Config], { input: archive }).toString()) as {
    config: { Cmd: string[]; Env: string[] }
  }
  const { Cmd, Env } = config.config
  assert.match(Cmd[0] ?? '', /^\/nix\/store\/[0-9a-z]{32}-hello\/bin\/hello$/)
  assert.match(Env[0] ?? '', /^CONF=\/nix\/store\/[0-9a-z]{32}-hello\.conf\/etc\/hello\.conf$/)
  const layers = Layers.map((layer) => execFileSync('tar', ['-xO', layer], { input: archive }))
  const top = execFileSync('tar', ['-xO', './copied'], { input: layers.at(-1) }).toString()
  assert.equal(top, `run=${Cmd[0]}\n`)
  const inLayers = layers.flatMap((layer) => execFileSync('tar', ['-t'], { input: layer }).toString().split('\n'))
  assert.ok(inLayers.includes((Cmd[0] ?? '').slice(1)) || inLayers.includes(Cmd[0] ?? ''), inLayers.join())
})

test('a stream recipe becomes a program that streams from the store, with its conf and layer registered', async () => {
  await using bench = await makeStoreBench()
  const path = succeeded(await bench.build('image.ts#streamed'))
  assert.match(path, /-stream-site$/)
  assert.equal(lstatSync(path).mode & 0o777, 0o555)
  assert.ok(!readFileSync(path, 'utf8').includes(bench.path), 'its text says nothing of this machine')
  const closure = await bench.run([
    'store',
    'closure',
    `/nix/store/${path.split('/').at(-1)}`,
    '--store',
    `local:${bench.root}`,
  ])
  const reached = succeeded(closure)
    .split('\n')
    .map((line) => line.slice(44))
  assert.deepEqual(reached.toSorted(), [
    'docker-image-base.tar.gz',
    'hello',
    'site-conf.json',
    'site-customisation-layer',
    'stream-site',
    'tree',
  ])
  // From another folder, through the link, with nothing but the system's programs on the PATH.
  const run = (...args: string[]): Buffer =>
    execFileSync(join(bench.path, 'result'), args, {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', HOME: `${bench.path}/home`, XDG_CACHE_HOME: `${bench.path}/cache` },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  const direct = await bench.run(['stream', 'image.ts#streamed', '--store', `local:${bench.root}`])
  assert.ok(run().equals(direct.stdout))
  const renamed = execFileSync('tar', ['-xO', 'manifest.json'], { input: run('-t', 'other:2') }).toString()
  assert.match(renamed, /"other:2"/)
})

test('an uncompressed archive refers to the store paths in it, a compressed one to nothing', async () => {
  await using bench = await makeStoreBench()
  const facts = async (path: string): Promise<string[]> => {
    const args = ['store', 'info', `/nix/store/${path.split('/').at(-1)}`, '--json', '--store', `local:${bench.root}`]
    const [info] = JSON.parse(succeeded(await bench.run(args))) as [{ references: string[] }]
    return info.references.map((reference) => reference.slice(44))
  }
  const plain = await facts(succeeded(await bench.build('image.ts#plain')))
  assert.deepEqual(plain.toSorted(), ['hello', 'tree'])
  assert.deepEqual(await facts(succeeded(await bench.build('image.ts'))), [])
})

test('mergeImages builds its images first, and is named as upstream names it', async () => {
  await using bench = await makeStoreBench()
  const path = succeeded(await bench.build('image.ts#both'))
  assert.match(path, /-merge-docker-images$/)
  assert.deepEqual(
    names(bench.root)
      .map((name) => name.slice(33))
      .filter((name) => /tar|merge/.test(name))
      .toSorted(),
    ['docker-image-base.tar.gz', 'merge-docker-images', 'site.tar'],
  )
})

test('a builder builds to its path, and -o makes a file of what is one', async () => {
  await using bench = await makeStoreBench()
  const path = succeeded(await bench.build('image.ts#conf', '--no-out-link'))
  assert.match(
    readFileSync(join(path, 'etc/hello.conf'), 'utf8'),
    /^run=\/nix\/store\/[0-9a-z]{32}-hello\/bin\/hello\n$/,
  )
  assert.equal(existsSync(join(bench.path, 'result')), false)
  const folder = await bench.build('image.ts#conf', '-o', 'file')
  assert.equal(folder.status, 2)
  assert.match(folder.stderr, /it is no file, it should be one/)
  const text = { function: 'writeText', args: { name: 'note', text: 'a note' } }
  writeFileSync(join(bench.path, 'note.json'), JSON.stringify(text))
  assert.equal(succeeded(await bench.build('note.json', '-o', 'file')), 'file')
  assert.equal(readFileSync(join(bench.path, 'file'), 'utf8'), 'a note')
})

test('definitions inside definitions and concat are read from JSON', async () => {
  await using bench = await makeStoreBench()
  const hello = { function: 'writeShellScriptBin', args: { name: 'hello', text: 'echo hello' } }
  const program = { concat: [hello, '/bin/hello'] }
  const conf = { function: 'writeTextDir', args: { path: 'etc/hello.conf', text: { concat: ['run=', program, '\n'] } } }
  const args = { name: 'site', tag: '1', architecture: 'amd64' }
  const definition = {
    function: 'buildLayeredImage',
    args: {
      ...args,
      fromImage: { function: 'buildImage', args: { ...args, name: 'base', copyToRoot: './tree' } },
      contents: [{ function: 'symlinkJoin', args: { name: 'all', paths: [hello, conf] } }],
      config: { Cmd: [program], Env: [{ concat: ['CONF=', conf, '/etc/hello.conf'] }], Labels: { function: 'data' } },
      extraCommands: { concat: ['cat ', conf, '/etc/hello.conf > copied'] },
    },
  }
  writeFileSync(join(bench.path, 'image.json'), JSON.stringify(definition))
  const made = { function: 'runCommand', args: { name: 'made', env: { text: program }, script: 'echo "$text" > $out' } }
  writeFileSync(join(bench.path, 'made.json'), JSON.stringify(made))
  const output = readFileSync(succeeded(await bench.build('made.json')), 'utf8')
  assert.match(output, /^\/nix\/store\/[0-9a-z]{32}-hello\/bin\/hello\n$/)
  // The label apart, it is the module's image.
  const fromJson = succeeded(await bench.build('image.json'))
  const { config, ...others } = definition.args
  const { Labels: _, ...rest } = config
  writeFileSync(join(bench.path, 'same.json'), JSON.stringify({ ...definition, args: { ...others, config: rest } }))
  assert.notEqual(succeeded(await bench.build('same.json')), fromJson)
  assert.equal(succeeded(await bench.build('same.json')), succeeded(await bench.build('image.ts')))
})

test('--rebuild confirms what is reproducible, and names the first difference of what is not', async () => {
  await using bench = await makeStoreBench()
  const good = await bench.build('image.ts', '--rebuild')
  succeeded(good)
  const counted = events(good).filter((event) => event.type === 'building' && event.path?.endsWith('-site.tar.gz'))
  assert.equal(counted.length, 2)
  succeeded(await bench.build('image.ts#streamed', '--rebuild'))
  const bad = await bench.build('image.ts#random', '--rebuild')
  assert.equal(bad.status, 1)
  assert.match(bad.stderr, /NOT_REPRODUCIBLE.*-random\.tar\.gz.*layer 1: \\"\.\/chance\\" differs at byte \d/)
  assertNoScratch(bench.root)
})

test('processes that build the same at once all get the one result', async () => {
  await using bench = await makeStoreBench()
  const results = await Promise.all(['a', 'b', 'c'].map((link) => bench.build('image.ts#random', '--out-link', link)))
  assert.equal(new Set(results.map(succeeded)).size, 1)
  const building = results.flatMap(events).filter((event) => event.type === 'building')
  assert.equal(building.length, 1)
})

test('a build that is killed or interrupted leaves the store as it was', async () => {
  await using bench = await makeStoreBench()
  succeeded(await bench.build('image.ts#conf'))
  const before = names(bench.root)
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGKILL', null],
  ] as const) {
    const child = bench.start(['build', 'image.ts#slow', '--store', `local:${bench.root}`, '--out-link', 'slow'])
    await new Promise<void>((resolve) => {
      child.stderr?.on('data', (text: Buffer) => text.toString().includes('started') && resolve())
      child.stdout?.on('data', (text: Buffer) => text.toString().includes('started') && resolve())
    })
    child.kill(signal)
    assert.equal((await resultOf(child)).status, status)
    assert.deepEqual(names(bench.root), before)
    assert.equal(existsSync(join(bench.path, 'slow')), false)
  }
  // The next one that writes cleans up after the killed one.
  succeeded(await bench.build('image.ts#plain'))
  assertNoScratch(bench.root)
})

test('what cannot be written to is told before any work', async () => {
  await using bench = await makeStoreBench()
  const none = await bench.run(['build', 'image.ts#plain', '--store', 'file:///nowhere', '--log-format=json'])
  assert.notEqual(none.status, 0)
  mkdirSync(join(bench.path, 'empty'))
  writeFileSync(join(bench.path, 'empty/nix-cache-info'), 'StoreDir: /nix/store\n')
  const readOnly = await bench.run(['build', 'image.ts#plain', '--store', `file://${bench.path}/empty`])
  assert.equal(readOnly.status, 1)
  assert.match(readOnly.stderr, /STORE_UNAVAILABLE.*should be "local" or "local:ROOT"\nhint: .*--store local/s)
  writeFileSync(join(bench.path, 'result'), 'mine')
  const taken = await bench.build('image.ts#plain')
  assert.equal(taken.status, 1)
  assert.match(taken.stderr, /WRITE_FAILED.*something is there/)
  assert.equal(readFileSync(join(bench.path, 'result'), 'utf8'), 'mine')
  assert.ok(!events(taken).some(({ type }) => type === 'building'))
  for (const args of [
    ['--format', 'oci'],
    ['-o', 'x', '--rebuild'],
    ['-o', 'x', '--out-link', 'y'],
    ['--builder', 'x'],
  ]) {
    assert.equal((await bench.build('image.ts#plain', ...args)).status, 2, args.join(' '))
  }
})

test('a store that another user owns cannot be built into, and says so', needsRoot, async () => {
  await using bench = await makeStoreBench()
  bench.openToAll()
  succeeded(await bench.build('image.ts#conf'))
  const args = ['build', 'image.ts#plain', '--no-out-link', '--store', `local:${bench.root}`]
  const result = await bench.run(args, { uid: 65_534 })
  assert.equal(result.status, 1)
  assert.match(result.stderr, /error \((?:WRITE_FAILED|STORE_UNAVAILABLE)\): Cannot write to store/)
  chmodSync(bench.path, 0o777)
  const own = await bench.run(['build', 'image.ts', '--no-out-link', '--store', `local:${bench.path}/own`], {
    uid: 65_534,
  })
  assert.ok(existsSync(succeeded(own)))
})

test('a real Nix verifies a store that images were built into', needs('nix-store'), async () => {
  await using bench = await makeStoreBench()
  for (const name of ['', '#streamed', '#plain', '#both', '#conf']) succeeded(await bench.build(`image.ts${name}`))
  const layer = { function: 'buildImage', args: { name: 'own', tag: '1', copyToRoot: './tree' } }
  writeFileSync(join(bench.path, 'own.json'), JSON.stringify(layer))
  succeeded(await bench.build('own.json'))
  const check = ['--store', bench.root, '--verify', '--check-contents']
  const said = execFileSync('nix-store', check, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  assert.equal(said, '')
})

test('gc keeps what the link leads to, and all it needs', async () => {
  await using bench = await makeStoreBench()
  succeeded(await bench.build('image.ts#streamed'))
  const collected = await bench.run(['store', 'gc', '--store', `local:${bench.root}`])
  succeeded(collected)
  assert.ok(names(bench.root).some((name) => name.endsWith('-site-customisation-layer')))
  const run = execFileSync(join(bench.path, 'result'), ['-q'], {
    env: { PATH: '/usr/bin:/bin', XDG_CACHE_HOME: `${bench.path}/cache` },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  assert.ok(run.length > 10_000)
})
