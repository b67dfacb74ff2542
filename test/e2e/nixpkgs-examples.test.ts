import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import * as library from 'dockertools'
import { ROOT } from '../support/places.ts'
import { bodyOf, filesOf, readImages } from '../support/read-image.ts'
import { type Bench, type CliResult, makeBench, resultOf } from '../support/run-cli.ts'
import { IMAGE_EXAMPLES } from './nixpkgs-examples.ts'

const FOLDER = join(ROOT, 'examples/nixpkgs')
const NAMES: readonly string[] = [...Object.keys(IMAGE_EXAMPLES), 'exportBash']

/** Examples whose function is not there yet. What is here has to fail: an entry whose function has come is an error. */
const NOT_IMPLEMENTED: Readonly<Record<string, string>> = {
  nixFromDockerHub: 'pullImage',
  testNixFromDockerHub: 'pullImage',
  onTopOfPulledImage: 'pullImage',
}

/** What `build -o` makes in place of `stream`, so that every kind of result is made once, and how it begins. */
const FILES: Readonly<Record<string, Uint8Array | string>> = {
  bash: Buffer.of(0x1f, 0x8b),
  bashUncompressed: './',
  bashZstdCompressed: Buffer.of(0x28, 0xb5, 0x2f, 0xfd),
  bashLayeredUncompressed: '',
  bashLayeredZstdCompressed: Buffer.of(0x28, 0xb5, 0x2f, 0xfd),
  'layered-image': Buffer.of(0x1f, 0x8b),
  mergedBashAndRedis: Buffer.of(0x1f, 0x8b),
  mergeVaryingCompressor: Buffer.of(0x28, 0xb5, 0x2f, 0xfd),
  helloOnRoot: '#!/bin/sh\n',
  'nix-shell-run': '#!/bin/sh\n',
}

function unpacked(file: Buffer): Buffer {
  if (file.subarray(0, 2).equals(Buffer.of(0x1f, 0x8b))) return gunzipSync(file)
  return file.readUInt32LE() === 0xfd2fb528 ? zstdDecompressSync(file) : file
}

suite('examples of the original', { concurrency: 2 }, () => {
  let bench: Bench
  let registry: ChildProcess
  let address: string

  before(async () => {
    bench = await makeBench()
    const { status, stderr } = await run('build', 'registry/image', '--format', 'oci', '-o', 'layout')
    assert.equal(status, 0, stderr)
    const serve = [join(FOLDER, 'registry/serve.ts'), join(bench.path, 'layout'), '0']
    registry = spawn(process.execPath, serve, { stdio: ['ignore', 'pipe', 'inherit'] })
    assert.ok(registry.stdout)
    const [line] = (await once(registry.stdout, 'data')) as [Buffer]
    address = line.toString().trim()
  })
  after(async () => {
    registry?.kill()
    await bench?.[Symbol.asyncDispose]()
  })

  function run(command: string, name: string, ...options: readonly string[]): Promise<CliResult> {
    const store = `local:${bench.path}/store`
    return bench.run([command, join(FOLDER, `${name}.ts`), '--store', store, '--quiet', ...options], {
      env: { EXAMPLE_REGISTRY: address },
    })
  }

  async function build(name: string): Promise<Buffer> {
    const { status, stderr } = await run('build', name, '-o', name)
    assert.equal(status, 0, stderr)
    return readFileSync(join(bench.path, name))
  }

  /** A docker-archive of the example, however it is made. */
  async function archiveOf(name: string): Promise<Buffer> {
    const beginning = FILES[name]
    if (beginning === undefined) {
      const { status, stdout, stderr } = await run('stream', name)
      assert.equal(status, 0, stderr)
      return stdout
    }
    const file = await build(name)
    assert.ok(file.subarray(0, beginning.length).equals(Buffer.from(beginning)), `${name} begins otherwise`)
    if (beginning !== '#!/bin/sh\n') return unpacked(file)
    const program = spawn(join(bench.path, name), ['--quiet'], { stdio: ['ignore', 'pipe', 'pipe'] })
    const { status, stdout, stderr } = await resultOf(program)
    assert.equal(status, 0, stderr)
    return stdout
  }

  for (const [name, [repoTags, check]] of Object.entries(IMAGE_EXAMPLES)) {
    if (name in NOT_IMPLEMENTED) continue
    test(`${name} builds and shows what it is to show`, async () => {
      const images = readImages(await archiveOf(name))
      const tags = images.flatMap((image) => image.repoTags)
      assert.equal(tags.length, repoTags.length)
      for (const [index, tag] of repoTags.entries()) {
        if (typeof tag === 'string') assert.equal(tags[index], tag)
        else assert.match(tags[index] ?? '', tag)
      }
      const [first, ...more] = images
      assert.ok(first)
      check(first, ...more)
    })
  }

  test('exportBash builds and shows what it is to show', async () => {
    const files = new Map(filesOf(await build('exportBash')))
    assert.ok(files.has('bin/bash'))
    assert.equal(bodyOf(files, 'bin/bash').toString('latin1', 0, 4), '\x7fELF')
  })
})

test('there is a definition of every example, and none besides', () => {
  assert.deepEqual(
    globSync('*.ts', { cwd: FOLDER })
      .map((file) => basename(file, '.ts'))
      .toSorted(),
    NAMES.toSorted(),
  )
})

test('what is said not to be implemented is not', () => {
  for (const [name, functionName] of Object.entries(NOT_IMPLEMENTED)) {
    assert.ok(NAMES.includes(name), name)
    assert.ok(!(functionName in library), `${functionName} is there: take ${name} off the list`)
  }
  // They cannot be type-checked either.
  const { exclude } = JSON.parse(readFileSync(join(FOLDER, 'tsconfig.json'), 'utf8')) as { readonly exclude: string[] }
  assert.deepEqual(
    exclude,
    Object.keys(NOT_IMPLEMENTED).map((name) => `${name}.ts`),
  )
})

test('every example tells its command, and the table of examples tells the same', () => {
  const readMe = readFileSync(join(ROOT, 'examples/README.md'), 'utf8')
  for (const name of NAMES) {
    const source = readFileSync(join(FOLDER, `${name}.ts`), 'utf8')
    const commands = [...source.matchAll(/^ \* {5}(.*)$/gm)].map(([, line = '']) => line)
    assert.match(commands[0] ?? '', new RegExp(`^npx dockertools (build|stream) examples/nixpkgs/${name}\\.ts `), name)
    const shown = (commands.length === 1 ? commands : commands.slice(1)).join(' && ').replaceAll('|', '\\|')
    const [, builtBy = ''] = /^(?:export default|function .*\n +return) (\w+)\(/m.exec(source) ?? []
    const row = readMe.split('\n').find((line) => line.startsWith(`| [\`${name}\`](nixpkgs/${name}.ts) |`)) ?? ''
    assert.ok(row.endsWith(`| \`${shown}\` |`), `${name} has no row with the command: ${shown}`)
    assert.ok(row.includes(`| \`${builtBy}\` |`), `${name} has no row with the function: ${builtBy}`)
  }
})
