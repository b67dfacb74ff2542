import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { assertFailed } from '../hostile/expect-refusal.ts'
import { listTar } from '../support/list-tar.ts'
import { BINARY, needs } from '../support/places.ts'
import { hearsSigterm, until } from '../support/processes.ts'
import { type Bench, makeBench, resultOf } from '../support/run-cli.ts'

const ARGS = `{ name: 'x', tag: '1', architecture: 'amd64', contents: ['./tree'] }`
const MODULE = `import { streamLayeredImage } from 'dockertools'\nexport default streamLayeredImage(${ARGS})\n`

function json(name: string, args: object = { name: 'x', tag: '1', contents: ['./tree'] }): string {
  return JSON.stringify({ function: name, args })
}

async function makeFilesBench(files: Readonly<Record<string, string>>): Promise<Bench> {
  const bench = await makeBench()
  for (const [name, text] of Object.entries({ 'tree/file': 'content\n', ...files })) {
    mkdirSync(join(bench.path, dirname(name)), { recursive: true })
    writeFileSync(join(bench.path, name), text)
  }
  return bench
}

test('what a module says goes to stderr: standard output is the archive alone', async () => {
  const talk = ['log', 'info', 'debug'].map((name) => `console.${name}('said by ${name}')\n`).join('')
  const text = `import own from 'node:console'\n${MODULE}${talk}console.table([{ a: 1 }])\nown.log('own')\n`
  await using bench = await makeFilesBench({ 'image.mjs': text })
  const { status, stdout, stderr } = await bench.run(['stream', 'image.mjs', '--quiet'])
  assert.equal(status, 0, stderr)
  assert.equal(listTar(stdout).hasEndMarker, true)
  for (const word of ['said by log', 'said by info', 'said by debug', '│', 'own'])
    assert.ok(stderr.includes(word), word)
})

/** Runs a line of bash with `dockertools` in it. */
function runInBash(bench: Bench, line: string) {
  const script = line.replaceAll('dockertools ', '"$0" "$1" ')
  const env = { PATH: process.env['PATH'], HOME: join(bench.path, 'home'), TMPDIR: join(bench.path, 'tmp') }
  return resultOf(
    spawn('bash', ['-c', script, process.execPath, BINARY], {
      cwd: bench.path,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  )
}

const once: Readonly<Record<string, string>> = {
  'a process substitution': 'dockertools layers <(cat DEF)',
  'a pipe called /dev/stdin': 'cat DEF | dockertools layers /dev/stdin',
  'a pipe whose writer has gone': 'cat DEF | { sleep 0.3; dockertools layers /dev/stdin; }',
  'a file called /dev/stdin': 'dockertools layers /dev/stdin < DEF',
  'a FIFO': 'mkfifo DEF.fifo && { cat DEF > DEF.fifo & dockertools layers DEF.fifo; }',
}

for (const [what, line] of Object.entries(once)) {
  test(`layers reads ${what} once, be it a definition or a graph`, needs('bash', 'mkfifo'), async () => {
    await using bench = await makeFilesBench({
      'image.json': json('streamLayeredImage'),
      'graph.json': '[{"path":"/nix/store/11111111111111111111111111111111-a","references":[],"narSize":1}]',
    })
    const definition = await runInBash(bench, line.replaceAll('DEF', 'image.json'))
    assert.deepEqual([definition.status, definition.stderr], [0, ''])
    assert.equal((JSON.parse(definition.stdout.toString()) as unknown[]).length, 1)
    const graph = await runInBash(bench, line.replaceAll('DEF', 'graph.json'))
    assert.equal(graph.status, 0, graph.stderr)
    assert.match(graph.stdout.toString(), /^\[\["\/nix\/store\/1{32}-a"\]\]\n$/)
  })
}

for (const [command, ...args] of [['stream'], ['layers'], ['build', '-o', 'out'], ['tarsum']] as const) {
  test(`the first SIGTERM ends ${command} on a FIFO that nobody writes to`, needs('mkfifo'), async () => {
    await using bench = await makeFilesBench({})
    assert.equal(spawnSync('mkfifo', [join(bench.path, 'fifo')]).status, 0)
    const child = bench.start([command, 'fifo', ...args])
    const result = resultOf(child)
    await until(() => hearsSigterm(child.pid), 'it runs')
    await new Promise((resolve) => setTimeout(resolve, 500))
    child.kill('SIGTERM')
    assert.equal((await result).status, 130)
  })
}

for (const [file, better] of [
  ['image.ts', 'image.mts'],
  ['image.js', 'image.mjs'],
] as const) {
  test(`${file} in a package of type commonjs is refused with what to do about it`, async () => {
    await using bench = await makeFilesBench({
      'package.json': '{"type":"commonjs"}',
      [file]: MODULE,
      [better]: MODULE,
      [`only-export-${file}`]: 'export default 1\n',
    })
    const { status, stderr } = await bench.run(['stream', file])
    assert.equal(status, 2)
    const packageFile = join(bench.path, 'package.json')
    const hint = `hint: Call it "${better}", or set "type": "module" in "${packageFile}"\n`
    const reason = 'Cannot use import statement outside a module'
    assert.equal(stderr, `error (DEFINITION_INVALID): Cannot load "${file}": ${reason}\n${hint}`)
    const other = await bench.run(['stream', `only-export-${file}`])
    assert.match(other.stderr, /^error \(DEFINITION_INVALID\): .*'export'\nhint: Call it "only-export-image\.m.s".*\n$/)
    assert.equal((await bench.run(['stream', better])).status, 0, 'the hint is right')
  })
}

test('an error of another file than the definition is told with its place', async () => {
  await using bench = await makeFilesBench({
    'own.mjs': '\nthrow new TypeError("mine")\n',
    'import.mjs': "import './lib/helper.mjs'\n",
    'lib/helper.mjs': 'const a = 1\n\nthrow new TypeError(`mine ${a}`)\n',
  })
  const own = await bench.run(['stream', 'own.mjs'])
  assert.equal(own.stderr, 'error (DEFINITION_INVALID): Cannot load "own.mjs": mine\n')
  const imported = await bench.run(['stream', 'import.mjs'])
  const place = join(bench.path, 'lib/helper.mjs')
  assert.equal(imported.stderr, `error (DEFINITION_INVALID): Cannot load "import.mjs": mine 1, in "${place}" line 3\n`)
})

test('a path with # in it is a path where such a file exists', async () => {
  const several = `${MODULE}export const web = streamLayeredImage({ name: 'web', tag: '1' })\n`
  const files = {
    'a#b.mts': several,
    'h#x/image.mts': several,
    'h#x/image.json': json('streamLayeredImage', { name: 'x' }),
  }
  await using bench = await makeFilesBench({ ...files, 'h#x/tree/file': 'content\n' })
  for (const definition of ['a#b.mts', 'a#b.mts#web', 'h#x/image.mts', 'h#x/image.mts#web', 'h#x/image.json']) {
    const { status, stderr } = await bench.run(['layers', definition])
    assert.deepEqual([status, stderr], [0, ''], definition)
  }
  const gone = await bench.run(['layers', 'h#x/gone.json', '--log-format=json'])
  assertFailed(gone, { code: 'USAGE', message: /"h#x\/gone\.json": there is no such file/ })
})

const unplanned: Readonly<Record<string, readonly [text: string, message: RegExp]>> = {
  'several platforms': [
    `{"images":{"amd64":${json('streamLayeredImage')}}}`,
    /Cannot plan the layers of "d\.json": it is an image for several platforms, it should be for one/,
  ],
  'an empty file': ['', /Cannot read "d\.json": it is empty, it should be JSON/],
  'broken JSON': ['{"function": }', /Cannot read "d\.json": it should be JSON, and has .* at character 14/],
  'an unknown object': ['{"functoin":"x"}', /"d\.json": it is neither a definition nor a graph/],
  buildImage: [json('buildImage', { name: 'x' }), /"d\.json": buildImage does not group store paths/],
  mergeImages: [json('mergeImages', { images: ['./a.tar'] }), /"d\.json": mergeImages does not group store paths/],
  pullImage: [
    json('pullImage', { imageName: 'a', imageDigest: `sha256:${'0'.repeat(64)}`, hash: '' }),
    /"d\.json": pullImage does not group store paths/,
  ],
  writeText: [json('writeText', { name: 'a', text: 'b' }), /"d\.json": it is no image, it should be one/],
}

for (const [what, [text, message]] of Object.entries(unplanned)) {
  test(`layers says what is wrong with ${what}`, async () => {
    await using bench = await makeFilesBench({ 'd.json': text })
    const result = await bench.run(['layers', 'd.json', '--log-format=json'])
    assertFailed(result, { code: 'DEFINITION_INVALID', message })
    assert.equal(result.stdout.length, 0)
  })
}
