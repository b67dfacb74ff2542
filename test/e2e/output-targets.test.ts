import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertFailed } from '../hostile/expect-refusal.ts'
import { needs, needsRoot } from '../support/places.ts'
import { hearsSigterm, until } from '../support/processes.ts'
import { type Bench, makeBench, resultOf } from '../support/run-cli.ts'

const onlyRootMakesDevices = { skip: needsRoot.skip === false ? false : 'only root can make devices' }

async function makeOutputBench(): Promise<Bench> {
  const bench = await makeBench()
  mkdirSync(join(bench.path, 'tree'))
  mkdirSync(join(bench.path, 'out'))
  writeFileSync(join(bench.path, 'tree/file'), 'x'.repeat(300_000))
  const args = { name: 'x', tag: '1', contents: ['./tree'], compressor: 'none' }
  writeFileSync(join(bench.path, 'image.json'), JSON.stringify({ function: 'buildLayeredImage', args }))
  return bench
}

/** The archive as a regular file, made under a name of its own. */
async function plainArchive(bench: Bench): Promise<Buffer> {
  await build(bench, 'plain.tar')
  return readFileSync(join(bench.path, 'plain.tar'))
}

async function build(bench: Bench, output: string, ...more: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await bench.run(['build', 'image.json', '-q', '-o', output, ...more])
  assert.equal(status, 0, stderr)
  return stdout.toString()
}

/** The commands that take `-o`, with arguments that make something. */
const commands: Readonly<Record<string, readonly string[]>> = {
  build: ['build', 'image.json'],
  'build --format oci-archive': ['build', 'image.json', '--format', 'oci-archive'],
  merge: ['merge', 'plain.tar'],
  export: ['export', 'plain.tar'],
}

for (const [what, args] of Object.entries(commands)) {
  test(`${what} -o writes into a FIFO, and leaves it one`, needs('mkfifo'), async () => {
    await using bench = await makeOutputBench()
    await plainArchive(bench)
    assert.equal((await bench.run([...args, '-q', '-o', 'wanted'])).status, 0)
    const fifo = join(bench.path, 'out/fifo')
    assert.equal(spawnSync('mkfifo', [fifo]).status, 0)
    const reader = resultOf(spawn('cat', [fifo], { stdio: ['ignore', 'pipe', 'inherit'] }))
    const { status, stdout, stderr } = await bench.run([...args, '-q', '-o', 'out/fifo'])
    assert.equal(status, 0, stderr)
    assert.equal(stdout.toString(), 'out/fifo\n')
    assert.ok((await reader).stdout.equals(readFileSync(join(bench.path, 'wanted'))))
    assert.ok(lstatSync(fifo).isFIFO())
    assert.deepEqual(readdirSync(join(bench.path, 'out')), ['fifo'])
  })

  test(`${what} -o /dev/stdout writes the result and nothing else to standard output`, async () => {
    await using bench = await makeOutputBench()
    await plainArchive(bench)
    assert.equal((await bench.run([...args, '-q', '-o', 'wanted'])).status, 0)
    const wanted = readFileSync(join(bench.path, 'wanted'))
    const piped = await bench.run([...args, '-q', '-o', '/dev/stdout'])
    assert.equal(piped.status, 0, piped.stderr)
    assert.ok(piped.stdout.equals(wanted))
    const file = openSync(join(bench.path, 'redirected'), 'w')
    const redirected = await bench.run([...args, '-q', '-o', '/dev/stdout'], { stdout: file })
    closeSync(file)
    assert.equal(redirected.status, 0, redirected.stderr)
    assert.ok(readFileSync(join(bench.path, 'redirected')).equals(wanted))
  })

  test(`${what} -o - is refused, with the ways to standard output`, async () => {
    await using bench = await makeOutputBench()
    const { status, stderr } = await bench.run([...args, '-o', '-'])
    assert.equal(status, 2)
    assert.match(stderr, /^error \(USAGE\): Cannot write "-": .*\nhint: .*-o \/dev\/stdout/)
    assert.equal(existsSync(join(bench.path, '-')), false)
  })
}

test('-o writes into a device, and leaves it one', onlyRootMakesDevices, async () => {
  await using bench = await makeOutputBench()
  const [sink, full] = [join(bench.path, 'out/null'), join(bench.path, 'out/full')]
  assert.equal(spawnSync('mknod', [sink, 'c', '1', '3']).status, 0)
  assert.equal(spawnSync('mknod', [full, 'c', '1', '7']).status, 0)
  assert.equal(await build(bench, 'out/null'), 'out/null\n')
  const failed = await bench.run(['build', 'image.json', '-o', 'out/full', '--log-format=json'])
  assertFailed(failed, { code: 'WRITE_FAILED', message: /"out\/full": the disk is full/ })
  for (const node of [sink, full]) assert.ok(lstatSync(node).isCharacterDevice())
  assert.deepEqual(readdirSync(join(bench.path, 'out')).toSorted(), ['full', 'null'])
})

test('a device in a folder that may not be written is asked itself', onlyRootMakesDevices, async () => {
  await using bench = await makeOutputBench()
  bench.openToAll()
  const [open, shut] = [join(bench.path, 'out/null'), join(bench.path, 'out/shut')]
  for (const node of [open, shut]) assert.equal(spawnSync('mknod', [node, 'c', '1', '3']).status, 0)
  chmodSync(open, 0o666)
  chmodSync(shut, 0o600)
  chmodSync(join(bench.path, 'out'), 0o755)
  const run = (output: string) => bench.run(['build', 'image.json', '-o', output, '--log-format=json'], { uid: 65_534 })
  const written = await run('out/null')
  assert.equal(written.status, 0, written.stderr)
  assertFailed(await run('out/shut'), { code: 'WRITE_FAILED', message: /"out\/shut": it may not be written/ })
  assertFailed(await run('out/new'), { code: 'WRITE_FAILED', message: /its folder may not be written/ })
})

test('-o behind a link replaces the file that it leads to; the link stays', async () => {
  await using bench = await makeOutputBench()
  const wanted = await plainArchive(bench)
  const path = (name: string): string => join(bench.path, name)
  mkdirSync(path('far'))
  writeFileSync(path('far/file.tar'), 'before')
  symlinkSync('../far/file.tar', path('out/link'))
  symlinkSync('link', path('out/link-to-link'))
  symlinkSync('../far/new.tar', path('out/dangling'))
  for (const [name, file] of [
    ['out/link', 'far/file.tar'],
    ['out/link-to-link', 'far/file.tar'],
    ['out/dangling', 'far/new.tar'],
  ] as const) {
    const target = readlinkSync(path(name))
    assert.equal(await build(bench, name), `${name}\n`)
    assert.equal(readlinkSync(path(name)), target)
    assert.ok(lstatSync(path(file)).isFile())
    assert.ok(readFileSync(path(file)).equals(wanted))
    writeFileSync(path(file), 'before')
  }
  assert.deepEqual(readdirSync(path('far')).toSorted(), ['file.tar', 'new.tar'])
  symlinkSync('circle', path('out/circle'))
  const failed = await bench.run(['build', 'image.json', '-o', 'out/circle', '--log-format=json'])
  assertFailed(failed, { code: 'WRITE_FAILED', message: /"out\/circle": its links lead in a circle/ })
})

test('-o on a folder or a socket is refused, and both stay', async () => {
  await using bench = await makeOutputBench()
  const path = join(bench.path, 'out/socket')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  for (const [output, message] of [
    ['out/socket', /"out\/socket": it is a socket, it should be a file/],
    ['out', /"out": it is a folder, it should be a file/],
  ] as const) {
    const result = await bench.run(['build', 'image.json', '-o', output, '--log-format=json'])
    assertFailed(result, { code: 'WRITE_FAILED', message })
  }
  assert.ok(lstatSync(path).isSocket())
  server.close()
})

test('a signal ends a build that waits for a reader of its FIFO', needs('mkfifo'), async () => {
  await using bench = await makeOutputBench()
  assert.equal(spawnSync('mkfifo', [join(bench.path, 'out/fifo')]).status, 0)
  const child = bench.start(['build', 'image.json', '-o', 'out/fifo'])
  const result = resultOf(child)
  await until(() => hearsSigterm(child.pid), 'it runs')
  // Time to come to the FIFO, whose reader will never come.
  await new Promise((resolve) => setTimeout(resolve, 500))
  child.kill('SIGTERM')
  assert.equal((await result).status, 130)
  assert.ok(lstatSync(join(bench.path, 'out/fifo')).isFIFO())
})
