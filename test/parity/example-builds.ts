import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, closeSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { ROOT } from '../support/places.ts'
import { type Bench, type CliOptions, makeBench, resultOf } from '../support/run-cli.ts'

/** The examples, and definitions of the tests' own, built by the command line: each once, whoever asks. */
export interface ExampleBuilds extends AsyncDisposable {
  /** A folder for whoever uses them. */
  readonly path: string
  /** The folder that stands for `/nix/store` of this machine. */
  readonly storeFolder: string
  readonly store: string
  /** What `dockertools build` makes, where an example is made so, or what `dockertools stream` writes: a file. */
  result(definition: string): Promise<string>
  /** The same as a plain docker-archive. */
  archive(definition: string): Promise<string>
  /** Runs the command line with a definition, in the same store. */
  stream(definition: string, file: string, options?: CliOptions): Promise<void>
}

/** What `build -o` makes in place of `stream`, so that every kind of result is made once, and how it begins. */
const BUILT: Readonly<Record<string, Uint8Array | string>> = {
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
  exportBash: './',
}

/** An example by its name, or a definition of the tests' own by its path. */
export function definitionFile(definition: string): string {
  return definition.startsWith('/') ? definition : join(ROOT, 'examples/nixpkgs', `${definition}.ts`)
}

export async function openExampleBuilds(): Promise<ExampleBuilds> {
  await using stack = new AsyncDisposableStack()
  const bench = stack.use(await makeBench())
  const path = join(bench.path, 'results')
  await mkdir(path)
  const address = await startRegistry(bench, stack)
  const owned = stack.move()
  const root = join(bench.path, 'machine')
  const store = `local:${root}`
  const results = new Map<string, Promise<string>>()
  const archives = new Map<string, Promise<string>>()

  async function call(command: string, definition: string, words: readonly string[], options: CliOptions = {}) {
    const args = [command, definitionFile(definition), '--store', store, '--quiet', ...words]
    const env = { EXAMPLE_REGISTRY: address, NODE_COMPILE_CACHE: join(bench.path, 'compiled'), ...options.env }
    const { status, stderr } = await bench.run(args, { ...options, cwd: path, env })
    assert.equal(status, 0, stderr)
  }

  async function build(definition: string): Promise<string> {
    const file = join(path, basename(definition, '.json').replace(/\.ts$/, ''))
    const beginning = BUILT[definition]
    if (beginning === undefined) {
      await stream(definition, file)
    } else {
      await call('build', definition, ['-o', file])
      const bytes = await readFile(file)
      assert.ok(bytes.subarray(0, beginning.length).equals(Buffer.from(beginning)), `${definition} begins otherwise`)
    }
    return file
  }

  async function stream(definition: string, file: string, options: CliOptions = {}): Promise<void> {
    const output = openSync(file, 'w')
    try {
      await call('stream', definition, [], { ...options, stdout: output })
    } finally {
      closeSync(output)
    }
  }

  const result = (definition: string): Promise<string> => madeOnce(results, definition, () => build(definition))
  return {
    path,
    store,
    storeFolder: join(root, 'nix/store'),
    result,
    stream,
    archive: (definition) => madeOnce(archives, definition, async () => await plainArchive(await result(definition))),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function madeOnce(made: Map<string, Promise<string>>, key: string, make: () => Promise<string>): Promise<string> {
  const promise = made.get(key) ?? make()
  made.set(key, promise)
  return promise
}

/** The examples' own stand-in for a registry; gives its address. */
async function startRegistry(bench: Bench, stack: AsyncDisposableStack): Promise<string> {
  const folder = join(ROOT, 'examples/nixpkgs/registry')
  const image = ['build', join(folder, 'image.ts'), '--format', 'oci', '--quiet', '-o', 'layout']
  const { status, stderr } = await bench.run([...image, '--store', `local:${bench.path}/machine`])
  assert.equal(status, 0, stderr)
  const serve = [join(folder, 'serve.ts'), join(bench.path, 'layout'), '0']
  const registry = spawn(process.execPath, serve, { stdio: ['ignore', 'pipe', 'inherit'] })
  stack.defer(() => void registry.kill())
  const [line] = (await once(registry.stdout, 'data')) as [Buffer]
  return line.toString().trim()
}

/** Runs what streams, unpacks what is compressed; gives the path of a plain tar. */
async function plainArchive(file: string): Promise<string> {
  const bytes = await readFile(file)
  const plain = `${file}.plain.tar`
  if (bytes.subarray(0, 2).equals(Buffer.of(0x1f, 0x8b))) await writeFile(plain, gunzipSync(bytes))
  else if (bytes.readUInt32LE() === 0xfd2fb528) await writeFile(plain, zstdDecompressSync(bytes))
  else if (bytes.subarray(0, 2).toString() === '#!') {
    const { status, stdout, stderr } = await resultOf(spawn(file, ['--quiet'], { stdio: ['ignore', 'pipe', 'pipe'] }))
    assert.equal(status, 0, stderr)
    await writeFile(plain, stdout)
  } else return file
  return plain
}
