import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertFailed } from '../hostile/expect-refusal.ts'
import { fixturePath, writeCache } from '../support/binary-cache.ts'
import { listTar, memberNamed } from '../support/list-tar.ts'
import { BINARY, needs, ROOT } from '../support/places.ts'
import { type Bench, makeBench, resultOf } from '../support/run-cli.ts'

const [A, B, C] = [fixturePath('a', 'a'), fixturePath('b', 'b'), fixturePath('c', 'c')]

interface CommandBench extends Bench {
  readonly stores: readonly string[]
}

/** A folder with a definition, a local folder, and a cache where a refers to b, and b to c. */
async function makeCommandBench(): Promise<CommandBench> {
  const bench = await makeBench()
  mkdirSync(join(bench.path, 'tree'))
  writeFileSync(join(bench.path, 'tree/file'), 'content\n')
  const cache = writeCache(join(bench.path, 'binary-cache'), [
    { path: A, tree: { folder: [['etc', { folder: [['a', B]] }]] }, references: [B] },
    { path: B, tree: { folder: [['etc', { folder: [['b', C]] }]] }, references: [C] },
    { path: C, tree: { folder: [['etc', { folder: [['c', 'x'.repeat(5000)]] }]] } },
  ])
  const args = { name: 'Team/App', tag: '1', architecture: 'amd64', contents: [A] }
  writeFileSync(join(bench.path, 'image.json'), JSON.stringify({ function: 'streamLayeredImage', args }))
  const built = { function: 'buildLayeredImage', args: { ...args, compressor: 'none' } }
  writeFileSync(join(bench.path, 'archive.json'), JSON.stringify(built))
  return { ...bench, stores: ['--store', cache, '--no-check-signatures'] }
}

const EXPECTED_LINES = `No 'fromImage' provided
Creating layer 1 from paths: ['${C}']
Creating layer 2 from paths: ['${B}']
Creating layer 3 from paths: ['${A}']
Creating layer 4 with customisation...
Adding manifests...
Done.
`

function manifestOf(archive: Buffer): { RepoTags: string[]; Layers: string[]; Config: string } {
  const listing = listTar(archive)
  assert.equal(listing.hasEndMarker, true)
  const [image] = JSON.parse(memberNamed(listing, 'manifest.json').body.toString()) as {
    RepoTags: string[]
    Layers: string[]
    Config: string
  }[]
  assert.ok(image !== undefined)
  return image
}

test('stream writes the archive to stdout, and what upstream says to stderr', async () => {
  await using bench = await makeCommandBench()
  const { status, stdout, stderr } = await bench.run(['stream', 'image.json', ...bench.stores])
  assert.equal(status, 0, stderr)
  assert.equal(stderr, EXPECTED_LINES)
  const { RepoTags, Layers } = manifestOf(stdout)
  assert.deepEqual(RepoTags, ['team/app:1'])
  assert.equal(Layers.length, 4)
  assert.deepEqual(bench.leftovers(), [])
})

for (const option of ['-t', '--repo_tag', '--repo_tag=']) {
  test(`stream ${option} names the image otherwise, as it is given`, async () => {
    await using bench = await makeCommandBench()
    const given = option.endsWith('=') ? [`${option}Other.Example/X:Y`] : [option, 'Other.Example/X:Y']
    const { status, stdout, stderr } = await bench.run(['stream', 'image.json', ...given, ...bench.stores])
    assert.equal(status, 0, stderr)
    assert.deepEqual(manifestOf(stdout).RepoTags, ['Other.Example/X:Y'])
  })
}

test('a definition comes from standard input too, and its paths are taken from the working folder', async () => {
  await using bench = await makeCommandBench()
  const stdin = '{"function":"streamLayeredImage","args":{"name":"x","tag":"1","contents":"./tree"}}'
  const { status, stdout, stderr } = await bench.run(['stream', '-', '--quiet'], { stdin })
  assert.equal(status, 0, stderr)
  assert.equal(stderr, '')
  assert.equal(manifestOf(stdout).Layers.length, 2)
  const elsewhere = await bench.run(['stream', '-', '--log-format=json'], { stdin, cwd: join(bench.path, 'tmp') })
  assertFailed(elsewhere, { code: 'FILE_UNREADABLE', message: /tmp\/tree/ })
})

test('--log-format json writes every message as one JSON object a line', async () => {
  await using bench = await makeCommandBench()
  const { stderr } = await bench.run(['stream', 'image.json', '--log-format', 'json', ...bench.stores])
  const events = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  assert.deepEqual(
    events.map(({ type }) => type).filter((type) => type !== 'progress'),
    ['no-base-image', 'store-layer', 'store-layer', 'store-layer', 'customisation-layer', 'manifest', 'done'],
  )
  assert.deepEqual(events.find(({ type }) => type === 'store-layer')?.['paths'], [C])
})

test('errors are one line with their code, and a hint; --debug adds the stack', async () => {
  await using bench = await makeCommandBench()
  const plain = await bench.run(['stream', 'gone.json'])
  assert.equal(plain.status, 2)
  assert.equal(plain.stderr, 'error (USAGE): Cannot read "gone.json": there is no such file\n')
  const debugged = await bench.run(['stream', 'gone.json', '--debug'])
  assert.match(debugged.stderr, /\n {4}at .*\nCaused by: .*ENOENT/s)
  const hinted = await bench.run(['stream', 'image.json', '--frobnicate'])
  assert.match(hinted.stderr, /^error \(USAGE\): .*"--frobnicate".*\nhint: Run dockertools stream --help\n$/)
})

test('nothing is coloured, and no progress is shown, where stderr is no terminal', async () => {
  await using bench = await makeCommandBench()
  const env = { FORCE_COLOR: '1', TERM: 'xterm-256color' }
  const { stderr } = await bench.run(['stream', 'image.json', ...bench.stores], { env })
  assert.equal(stderr, EXPECTED_LINES)
})

const usageErrors: Readonly<Record<string, readonly [args: readonly string[], message: RegExp]>> = {
  'an unknown command': [['biuld'], /"biuld": there is no such command, the nearest is "build"/],
  'an option with a slip': [['stream', 'image.json', '--stroe', 'x'], /no option "--stroe", the nearest is "--store"/],
  'an option without its value': [['stream', 'image.json', '--store'], /"--store".*URL is missing/],
  'a switch with a value': [['stream', 'image.json', '--quiet=yes'], /"--quiet" with a value/],
  'an option twice': [['stream', 'image.json', '-t', 'a:b', '-t', 'c:d'], /"-t" twice/],
  'no definition': [['stream'], /either a definition or --conf/],
  'a definition and a conf': [['stream', 'image.json', '--conf', 'x'], /either a definition or --conf/],
  'two definitions': [['build', 'a.json', 'b.json', '-o', 'x'], /takes 1 arguments, 2 are given/],
  'a log format that is not there': [['stream', 'image.json', '--log-format=xml'], /"xml" as log format/],
  'a store that is no URL': [['stream', 'image.json', '--store', 'frob'], /"frob"/],
  'a key that is none': [['stream', 'image.json', '--trusted-public-key', 'k'], /public key "k"/],
  'an empty name': [['stream', 'image.json', '-t', ''], /"-t": its value REPO:TAG is empty/],
  'an empty file name': [['build', 'archive.json', '-o', ''], /"-o": its value FILE is empty/],
  'an empty link': [['build', 'archive.json', '--out-link='], /"--out-link": its value LINK is empty/],
  'an empty store': [['layers', 'image.json', '--store', ''], /"--store": its value URL is empty/],
  'no repository to mount from': [['push', 'image.json', '--mount-from', 'B AD'], /"B AD" as --mount-from/],
  'a tag to mount from': [['push', 'image.json', '--mount-from', 'a/b:1'], /"a\/b:1" as --mount-from/],
  'a strategy with a definition': [['layers', 'image.json', '--strategy', 'auto'], /"--strategy" with a definition/],
}

for (const [what, [args, message]] of Object.entries(usageErrors)) {
  test(`the command line with ${what} is refused with status 2`, async () => {
    await using bench = await makeCommandBench()
    // In text: a JSON log would have to be asked for on the command line that is broken.
    const { status, stdout, stderr } = await bench.run(args)
    assert.equal(status, 2, stderr)
    assert.match(stderr, /^error \(USAGE\): Cannot /)
    assert.match(stderr, message)
    assert.equal(stdout.length, 0)
  })
}

test('every command that help lists has a help of its own, with usage, options and an example', async () => {
  await using bench = await makeCommandBench()
  const listed = (await bench.run(['--help'])).stdout.toString().matchAll(/^ {2}([a-z]+) {2,}\S/gm)
  const commands = Array.from(listed, ([, name = '']) => name)
  for (const command of ['inspect', 'pull', 'prefetch', 'push', 'load']) assert.ok(commands.includes(command), command)
  for (const command of commands) {
    const { status, stdout, stderr } = await bench.run([command, '--help'])
    assert.deepEqual([status, stderr], [0, ''], command)
    assert.match(stdout.toString(), new RegExp(`^Usage: dockertools ${command} .*Options:.*--quiet.*Examples:`, 's'))
  }
})

test('help goes to stdout with status 0; without a command it is an error', async () => {
  await using bench = await makeCommandBench()
  for (const args of [['--help'], ['-h'], ['help']]) {
    const { status, stdout, stderr } = await bench.run(args)
    assert.deepEqual([status, stderr], [0, ''])
    for (const command of ['build', 'stream', 'layers'])
      assert.match(stdout.toString(), new RegExp(`^ {2}${command} `, 'm'))
  }
  assert.equal((await bench.run([])).status, 2)
  for (const command of ['build', 'stream', 'layers']) {
    const { status, stdout } = await bench.run([command, '--help'])
    assert.equal(status, 0)
    assert.match(
      stdout.toString(),
      new RegExp(`^Usage: dockertools ${command} .*Options:.*--store URL.*Examples:`, 's'),
    )
  }
})

test('--version is the version of the package', async () => {
  await using bench = await makeCommandBench()
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  const { status, stdout } = await bench.run(['--version'])
  assert.deepEqual([status, stdout.toString()], [0, `${version}\n`])
})

/** Runs a line of the shell in which `dockertools` is the program. */
function runInShell(bench: Bench, line: string) {
  const script = line.replaceAll('dockertools', '"$0" "$1"')
  const env = { PATH: process.env['PATH'], HOME: join(bench.path, 'home') }
  return resultOf(
    spawn('/bin/sh', ['-c', script, process.execPath, BINARY], {
      cwd: bench.path,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  )
}

for (const args of ['--version', '--help', 'help', 'layers --help', 'completion bash']) {
  test(`${args} is told that the disk is full, and nothing of a reader that has seen enough`, async () => {
    await using bench = await makeCommandBench()
    const full = await runInShell(bench, `dockertools ${args} > /dev/full`)
    assert.equal(full.stderr, 'error (WRITE_FAILED): Cannot write to standard output: the disk is full\n')
    assert.equal(full.status, 1)
    const closed = await runInShell(bench, `{ sleep 0.3; dockertools ${args}; echo "status $?" >&2; } | true`)
    assert.equal(closed.stderr, 'status 0\n')
  })
}

test('a working folder that was deleted is one clear error', async () => {
  await using bench = await makeCommandBench()
  for (const command of ['stream image.json', 'layers -', 'build image.json -o out', 'merge a.tar -o b.tar']) {
    const gone = 'mkdir gone && cd gone && rmdir ../gone'
    const { status, stderr } = await runInShell(bench, `${gone} && dockertools ${command}`)
    assert.match(
      stderr,
      /^error \(FILE_UNREADABLE\): Cannot find the working directory: it has been deleted.*\nhint: .*\n$/,
    )
    assert.equal(status, 1)
  }
})

test('the help of a verb speaks of this verb alone', async () => {
  await using bench = await makeCommandBench()
  for (const verb of ['add', 'info', 'closure', 'verify', 'gc', 'copy']) {
    const text = (await bench.run(['store', verb, '--help'])).stdout.toString()
    assert.doesNotMatch(text, / {2}(?:add|info|closure|verify|gc|copy)(?:, [a-z]+)*: /, verb)
    const takesLocalOnly = ['add', 'verify', 'gc'].includes(verb)
    assert.equal(/--store URL +The store: local or local:ROOT/.test(text), takesLocalOnly, text)
    assert.equal(/--store URL .*https:/.test(text), !takesLocalOnly, text)
  }
})

test('stream refuses a terminal, and says where the archive could go', needs('script'), async () => {
  await using bench = await makeCommandBench()
  const command = `'${process.execPath}' '${BINARY}' stream image.json`
  const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: bench.path, stdio: ['ignore', 'pipe', 'pipe'] })
  const { status, stdout } = await resultOf(child)
  assert.equal(status, 2)
  assert.match(stdout.toString(), /^error \(USAGE\): Cannot stream to a terminal.*\r\nhint: .*docker load/)
})

test('layers prints the plan of a definition as JSON', async () => {
  await using bench = await makeCommandBench()
  const { status, stdout, stderr } = await bench.run(['layers', 'image.json', ...bench.stores])
  assert.deepEqual([status, stderr], [0, ''])
  assert.equal(stdout.toString(), `${JSON.stringify([[C], [B], [A]])}\n`)
})

test('layers groups a graph by strategy, limit and exclusions', async () => {
  await using bench = await makeCommandBench()
  const graph = [
    { path: A, references: [B], narSize: 10 },
    { path: B, references: [C], narSize: 20 },
    { path: C, references: [C], narSize: 30 },
  ]
  writeFileSync(join(bench.path, 'graph.json'), JSON.stringify(graph))
  writeFileSync(join(bench.path, 'attrs.json'), JSON.stringify({ graph }))
  writeFileSync(join(bench.path, 'pipeline.json'), '[["split_every", 2]]')
  const layers = async (...args: readonly string[]): Promise<unknown> => {
    const { status, stdout, stderr } = await bench.run(['layers', ...args])
    assert.equal(status, 0, stderr)
    return JSON.parse(stdout.toString())
  }
  assert.deepEqual(await layers('graph.json'), [[C], [B], [A]])
  assert.deepEqual(await layers('attrs.json'), [[C], [B], [A]])
  assert.deepEqual(await layers('graph.json', '--max-layers', '2'), [[C], [B, A]])
  assert.deepEqual(await layers('graph.json', '--max-layers=1'), [[C, B, A]])
  assert.deepEqual(await layers('graph.json', '--exclude', A, '--exclude', C), [[B]])
  assert.deepEqual(await layers('graph.json', '--strategy', 'auto'), [[C], [B], [A]])
  assert.deepEqual(await layers('graph.json', '--pipeline', 'pipeline.json'), [[A, B], [C]])
})

test('layers refuses what is neither a graph nor a definition', async () => {
  await using bench = await makeCommandBench()
  const broken: readonly (readonly [text: string, status: number])[] = [
    ['[', 1],
    ['{"a":1}', 2],
    ['[{"path":"/nix/store/x"}]', 2],
    [`[{"path":"${A}","references":["${B}"]}]`, 1],
  ]
  for (const [text, status] of broken) {
    writeFileSync(join(bench.path, 'graph.json'), text)
    const result = await bench.run(['layers', 'graph.json', '--log-format=json'])
    assert.equal(result.status, status, `${text}: ${result.stderr}`)
    assert.equal(result.stdout.length, 0)
  }
  for (const [option, value] of [
    ['--max-layers', '0'],
    ['--max-layers', 'x'],
    ['--strategy', 'best'],
  ] as const) {
    writeFileSync(join(bench.path, 'graph.json'), '[]')
    assert.equal((await bench.run(['layers', 'graph.json', option, value])).status, 2)
  }
  writeFileSync(join(bench.path, 'pipeline.json'), '[[')
  const pipeline = await bench.run(['layers', 'graph.json', '--pipeline', 'pipeline.json', '--log-format=json'])
  assertFailed(pipeline, { code: 'DEFINITION_INVALID', message: /pipeline\.json/ })
})

test('DOCKERTOOLS_STORE names the stores where no option does', async () => {
  await using bench = await makeCommandBench()
  const env = { DOCKERTOOLS_STORE: `file://${bench.path}/gone  ${bench.stores[1] ?? ''}` }
  mkdirSync(join(bench.path, 'gone'))
  writeFileSync(join(bench.path, 'gone/nix-cache-info'), 'StoreDir: /nix/store\n')
  const { status, stderr } = await bench.run(['layers', 'image.json', '--no-check-signatures'], { env })
  assert.equal(status, 0, stderr)
})

test('created "now" is SOURCE_DATE_EPOCH where that is set', async () => {
  await using bench = await makeCommandBench()
  const stdin = '{"function":"streamLayeredImage","args":{"name":"x","tag":"1","created":"now","mtime":"now"}}'
  const { stdout, stderr } = await bench.run(['stream', '-'], { stdin, env: { SOURCE_DATE_EPOCH: '1700000000' } })
  const listing = listTar(stdout)
  const config = memberNamed(listing, manifestOf(stdout).Config).body.toString()
  assert.equal((JSON.parse(config) as { created: string }).created, '2023-11-14T22:13:20+00:00', stderr)
  assert.deepEqual(new Set(listing.members.map(({ row }) => row.mtime)), new Set([1_700_000_000]))
  const wrong = await bench.run(['stream', '-', '--log-format=json'], { stdin, env: { SOURCE_DATE_EPOCH: 'x' } })
  assertFailed(wrong, { code: 'DEFINITION_INVALID', message: /SOURCE_DATE_EPOCH/ })
})
