import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertFailed } from '../hostile/expect-refusal.ts'
import { listTar, memberNamed } from '../support/list-tar.ts'
import { type Bench, makeBench, resultOf } from '../support/run-cli.ts'
import { useOwnHome } from '../support/own-home.ts'

useOwnHome()

/** The JSON form of what every module below describes. */
const AS_JSON = JSON.stringify({
  function: 'streamLayeredImage',
  args: { name: 'x', tag: '1', architecture: 'amd64', contents: ['./tree'], config: { Cmd: ['/file'] } },
})

const ARGS = `{ name: 'x', tag: '1', architecture: 'amd64', contents: ['./tree'], config: { Cmd: ['/file'] } }`

async function makeDefinitionBench(files: Readonly<Record<string, string>>): Promise<Bench> {
  const bench = await makeBench()
  mkdirSync(join(bench.path, 'defs/tree'), { recursive: true })
  writeFileSync(join(bench.path, 'defs/tree/file'), 'content\n')
  for (const [name, text] of Object.entries({ 'image.json': AS_JSON, ...files })) {
    writeFileSync(join(bench.path, 'defs', name), text)
  }
  return bench
}

async function stream(bench: Bench, definition: string, cwd = bench.path): Promise<Buffer> {
  const { status, stdout, stderr } = await bench.run(['stream', definition, '--quiet'], { cwd })
  assert.equal(status, 0, stderr)
  assert.equal(stderr, '', 'nothing is said about experimental features')
  return stdout
}

const modules: Readonly<Record<string, string>> = {
  'image.ts': `import { streamLayeredImage, type StreamLayeredImageArgs } from 'dockertools'
const args: StreamLayeredImageArgs = ${ARGS}
export default streamLayeredImage(args)
`,
  'image.mts': `import { streamLayeredImage } from 'dockertools'
export default streamLayeredImage(${ARGS} satisfies object)
`,
  'image.mjs': `import { streamLayeredImage } from 'dockertools'
export default streamLayeredImage(${ARGS})
`,
  'image.js': `import * as tools from 'dockertools'
await Promise.resolve()
export default tools.streamLayeredImage(${ARGS})
`,
}

for (const [file, text] of Object.entries(modules)) {
  test(`${file} in a folder of its own, outside of any package, is what the JSON is`, async () => {
    await using bench = await makeDefinitionBench({ [file]: text })
    const wanted = await stream(bench, 'defs/image.json')
    assert.ok((await stream(bench, `defs/${file}`)).equals(wanted))
    assert.ok((await stream(bench, join(bench.path, 'defs', file), join(bench.path, 'tmp'))).equals(wanted))
  })
}

test('a module may be in a package, beside another dockertools: the running one answers', async () => {
  await using bench = await makeDefinitionBench({
    'package.json': '{"type":"module"}',
    'image.js': modules['image.js'] ?? '',
  })
  mkdirSync(join(bench.path, 'defs/node_modules/dockertools'), { recursive: true })
  writeFileSync(join(bench.path, 'defs/node_modules/dockertools/index.js'), 'throw new Error("the wrong one")')
  assert.ok((await stream(bench, 'defs/image.js')).equals(await stream(bench, 'defs/image.json')))
})

const several = `import { buildLayeredImage, streamLayeredImage } from 'dockertools'
const args = ${ARGS}
export const web = streamLayeredImage(args)
export const archive = buildLayeredImage(args)
export const onTop = streamLayeredImage({ name: 'top', tag: '2', fromImage: web })
export const number = 7
`

test('#name picks one of several recipes', async () => {
  await using bench = await makeDefinitionBench({ 'images.mjs': several })
  const wanted = await stream(bench, 'defs/image.json')
  assert.ok((await stream(bench, 'defs/images.mjs#web')).equals(wanted))
  assert.ok((await stream(bench, 'defs/images.mjs#archive')).equals(wanted))
})

test('an image stands on another recipe, in a module and in JSON', async () => {
  const nested = `{"function":"streamLayeredImage","args":{"name":"top","tag":"2","fromImage":${AS_JSON}}}`
  await using bench = await makeDefinitionBench({ 'images.mjs': several, 'nested.json': nested })
  const onTop = await stream(bench, 'defs/images.mjs#onTop')
  assert.ok((await stream(bench, 'defs/nested.json')).equals(onTop))
  const layersOf = (archive: Buffer): string[] =>
    (JSON.parse(memberNamed(listTar(archive), 'manifest.json').body.toString()) as { Layers: string[] }[])[0]?.Layers ??
    []
  const base = layersOf(await stream(bench, 'defs/image.json'))
  assert.deepEqual(layersOf(onTop).slice(0, base.length), base)
  assert.equal(layersOf(onTop).length, base.length + 1)
})

const wrong: Readonly<Record<string, readonly [definition: string, text: string, message: RegExp]>> = {
  'an export that is not there': ['m.mjs#wbe', several, /"wbe".*no such export, the nearest is "web"/],
  'no default export': ['m.mjs', several, /"default".*no such export/],
  'an export that is no recipe': [
    'm.mjs#number',
    several,
    /"number".*should be what an image function or a builder returned/,
  ],
  'text that is no JavaScript': ['m.mjs', 'export default (', /Cannot load ".*m\.mjs"/],
  'an error of its own': ['m.mjs', 'throw new TypeError("mine")', /Cannot load ".*m\.mjs": mine/],
  'an import that is not there': [
    'm.mjs',
    "import 'no-such-package-at-all'",
    /Cannot load ".*m\.mjs".*no-such-package-at-all/,
  ],
  'a wrong argument': [
    'm.mjs',
    "import { streamLayeredImage } from 'dockertools'\nexport default streamLayeredImage({ nmae: 'x' })",
    /no argument "nmae", the nearest is "name"/,
  ],
  'a name behind a JSON file': ['m.json#web', AS_JSON, /only modules have names/],
}

for (const [what, [definition, text, message]] of Object.entries(wrong)) {
  test(`a module with ${what} is refused with status 2`, async () => {
    const [file = ''] = definition.split('#')
    await using bench = await makeDefinitionBench({ [file]: text })
    const result = await bench.run(['stream', `defs/${definition}`, '--log-format=json'])
    assertFailed(result, { code: 'DEFINITION_INVALID', message })
  })
}

test('a module that is not there is refused with status 2', async () => {
  await using bench = await makeDefinitionBench({})
  const result = await bench.run(['stream', 'defs/gone.ts', '--log-format=json'])
  assert.equal(result.status, 2, result.stderr)
})

test('"concat" joins texts in the place of a string', async () => {
  const text = AS_JSON.replace('"/file"', '{"concat":["/fi","le"]}')
  await using bench = await makeDefinitionBench({ 'concat.json': text })
  assert.ok((await stream(bench, 'defs/concat.json')).equals(await stream(bench, 'defs/image.json')))
})

test('numbers of any size and kind go through a definition as they were written', async () => {
  const numbers = '{"a":1.0,"b":12345678901234567890,"c":1e3,"d":-0.0,"e":0.1,"f":"x","80":[1,null,true,{}]}'
  const text = AS_JSON.replace('"config":{', `"config":{"Weird":${numbers},`)
  await using bench = await makeDefinitionBench({ 'numbers.json': text })
  const direct = await stream(bench, 'defs/numbers.json')
  const listing = listTar(direct)
  const name = listing.members.at(-2)?.row.name
  const config = memberNamed(listing, typeof name === 'string' ? name : '')
    .body.toString()
    .replaceAll(/\s/g, '')
  assert.match(config, /"b":12345678901234567890/)
  const built = await bench.run(['build', 'defs/numbers.json', '-o', 'program'])
  assert.equal(built.status, 0, built.stderr)
  const program = await resultOf(spawn(join(bench.path, 'program'), [], { stdio: ['ignore', 'pipe', 'pipe'] }))
  assert.ok(program.stdout.equals(direct), 'the program that build makes has the same numbers')
})
