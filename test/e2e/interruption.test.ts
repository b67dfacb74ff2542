import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { listTar } from '../support/list-tar.ts'
import { BINARY } from '../support/places.ts'
import { isRunning, until } from '../support/processes.ts'
import { type Bench, makeBench, resultOf } from '../support/run-cli.ts'

const MIB = 1024 * 1024

/** An image that is far larger than all buffers between a writer and a reader. */
async function makeLargeImage(): Promise<Bench> {
  const bench = await makeBench()
  mkdirSync(join(bench.path, 'tree'))
  mkdirSync(join(bench.path, 'out'))
  writeFileSync(join(bench.path, 'tree/big'), '')
  truncateSync(join(bench.path, 'tree/big'), 64 * MIB)
  for (const [file, name] of [
    ['image.json', 'streamLayeredImage'],
    ['archive.json', 'buildLayeredImage'],
  ] as const) {
    const args = {
      name: 'x',
      tag: '1',
      contents: ['./tree'],
      ...(name === 'buildLayeredImage' ? { compressor: 'none' } : {}),
    }
    writeFileSync(join(bench.path, file), JSON.stringify({ function: name, args }))
  }
  return bench
}

/** Waits for the first bytes on stdout and reads no more of it. */
async function firstBytes(child: ChildProcess): Promise<Buffer> {
  const { stdout } = child
  assert.ok(stdout !== null)
  const chunk = await new Promise<Buffer>((resolve) => stdout.once('data', resolve))
  stdout.pause()
  return chunk
}

async function ended(child: ChildProcess): Promise<readonly [number | null, NodeJS.Signals | null]> {
  if (child.exitCode !== null || child.signalCode !== null) return [child.exitCode, child.signalCode]
  return await new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])))
}

test('a reader that closes the pipe ends stream with status 1 and one error', async () => {
  await using bench = await makeLargeImage()
  const child = bench.start(['stream', 'image.json', '--quiet'])
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  await firstBytes(child)
  child.stdout?.destroy()
  const [status] = await ended(child)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(status, 1)
  await until(() => stderr !== '', 'the error is told')
  assert.match(
    stderr,
    /^error \(WRITE_FAILED\): Cannot write to standard output: whoever reads it has closed the pipe\n$/,
  )
  assert.deepEqual(bench.leftovers(), [])
})

test('a full disk ends stream with status 1 and one error', async () => {
  await using bench = await makeLargeImage()
  const result = await bench.run(['stream', 'image.json', '--quiet'], { stdout: openSync('/dev/full', 'w') })
  assert.equal(result.status, 1)
  assert.equal(result.stderr, 'error (WRITE_FAILED): Cannot write to standard output: the disk is full\n')
  assert.deepEqual(bench.leftovers(), [])
})

test('closed standard output and standard error are no reason to hang or crash', async () => {
  await using bench = await makeLargeImage()
  const run = (script: string) =>
    resultOf(
      spawn('/bin/sh', ['-c', script, process.execPath, BINARY], {
        cwd: bench.path,
        env: { PATH: process.env['PATH'], HOME: bench.path },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    )
  const closedStderr = await run('"$0" "$1" layers image.json 2>&-')
  assert.equal(closedStderr.status, 0)
  assert.equal(JSON.parse(closedStderr.stdout.toString()).length, 1)
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} ends stream with status 130, also while its reader stands still`, async () => {
    await using bench = await makeLargeImage()
    const child = bench.start(['stream', 'image.json', '--quiet'])
    const first = await firstBytes(child)
    child.kill(signal)
    assert.deepEqual(await ended(child), [130, null])
    assert.ok(first.length > 0)
    assert.deepEqual(bench.leftovers(), [])
  })
}

test('SIGTERM ends stream while its reader reads, and what came is no archive', async () => {
  await using bench = await makeLargeImage()
  const child = bench.start(['stream', 'image.json', '--quiet'])
  const parts = [await firstBytes(child)]
  child.stdout?.on('data', (chunk: Buffer) => parts.push(chunk))
  child.kill('SIGTERM')
  child.stdout?.resume()
  assert.deepEqual(await ended(child), [130, null])
  assert.equal(listTar(Buffer.concat(parts)).hasEndMarker, false)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} while extraCommands run ends them and all they have started`, async () => {
    await using bench = await makeLargeImage()
    const pids = join(bench.path, 'pids')
    const script = `sleep 1000 & echo $! > ${pids}.part; echo $$ >> ${pids}.part; mv ${pids}.part ${pids}; sleep 1000`
    const args = { name: 'x', tag: '1', extraCommands: script }
    writeFileSync(join(bench.path, 'script.json'), JSON.stringify({ function: 'buildLayeredImage', args }))
    const child = bench.start(['build', 'script.json', '-o', 'out/image', '--quiet'])
    await until(() => existsSync(pids), 'the script runs')
    const started = readFileSync(pids, 'utf8').trim().split('\n').map(Number)
    // A script that runs in a namespace of its own knows its processes by other numbers.
    const seen = started.filter(isRunning)
    child.kill(signal)
    assert.deepEqual(await ended(child), [130, null])
    await until(() => !seen.some(isRunning), 'the children end')
    await until(() => !isAnyProcessOf(bench.path), 'nothing of the script is left')
    assert.deepEqual(readdirSync(join(bench.path, 'out')), [])
    assert.deepEqual(bench.leftovers(), [])
  })

  test(`${signal} while build writes leaves nothing, under no name`, async () => {
    await using bench = await makeLargeImage()
    const child = bench.start(['build', 'archive.json', '-o', 'out/image', '--quiet'])
    await until(() => readdirSync(join(bench.path, 'out')).length > 0 || child.exitCode !== null, 'the result is begun')
    child.kill(signal)
    const [status] = await ended(child)
    // A fast machine may have finished just before.
    if (status === 0) assert.deepEqual(readdirSync(join(bench.path, 'out')), ['image'])
    else {
      assert.equal(status, 130)
      assert.deepEqual(readdirSync(join(bench.path, 'out')), [])
    }
    assert.deepEqual(bench.leftovers(), [])
  })
}

test('a slow reader gets the whole archive', async () => {
  await using bench = await makeLargeImage()
  const child = bench.start(['stream', 'image.json', '--quiet'])
  let bytes = 0
  let tail = Buffer.alloc(0)
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    if (bytes < 4 * MIB) await new Promise((resolve) => setTimeout(resolve, 5))
    bytes += chunk.length
    tail = Buffer.concat([tail.subarray(-1024), chunk.subarray(-1024)])
  }
  assert.equal(bytes % 10_240, 0)
  assert.ok(bytes > 64 * MIB)
  assert.ok(tail.subarray(-1024).every((byte) => byte === 0))
  assert.deepEqual(await ended(child), [0, null])
})

/** Whether a process has a folder below this one as its working folder. */
function isAnyProcessOf(folder: string): boolean {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .some((pid) => workingFolder(pid).startsWith(`${folder}/tmp`) && isRunning(Number(pid)))
}

function workingFolder(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}
