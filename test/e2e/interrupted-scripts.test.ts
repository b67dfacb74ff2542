import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTar } from '../support/make-tar.ts'
import { needs } from '../support/places.ts'
import { isRunning, until } from '../support/processes.ts'
import { GUEST_KERNEL, needsGuest } from '../support/run-jobs.ts'
import { makeBench } from '../support/run-cli.ts'

const needsNamespaces = needs('unshare', 'nsenter', 'busybox')

/** Processes in the foreground, in the background and in a session of their own, and a word that says they are there. */
const SCRIPT = 'echo first words; sleep 1000 & (setsid sleep 1000 &); sleep 1000'
const PLAIN_SCRIPT = 'echo first words; sleep 1000 & sleep 1000'

const CASES = [
  { step: 'runAsRoot', runner: 'namespace', script: SCRIPT, needed: needsNamespaces },
  { step: 'fakeRootCommands', runner: 'namespace', script: SCRIPT, needed: needsNamespaces },
  { step: 'fakeRootCommands', runner: 'fakeroot', script: PLAIN_SCRIPT, needed: needs('fakeroot') },
  { step: 'runAsRoot', runner: 'vm', script: SCRIPT, needed: needsGuest() },
] as const

for (const { step, runner, script, needed } of CASES) {
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    if (runner === 'vm' && signal === 'SIGINT' && process.env['DOCKERTOOLS_MORE_GUESTS'] === undefined) continue
    test(`${signal} while ${step} runs with ${runner} leaves no process and no mount`, needed, async () => {
      await using bench = await makeBench()
      mkdirSync(join(bench.path, 'out'))
      const args = { name: 'x', tag: '1', [step]: script }
      const name = step === 'runAsRoot' ? 'buildImage' : 'buildLayeredImage'
      writeFileSync(join(bench.path, 'image.json'), JSON.stringify({ function: name, args }))
      const kernel = runner === 'vm' && GUEST_KERNEL !== undefined ? ['--vm-kernel', GUEST_KERNEL] : []
      const child = bench.start(['build', 'image.json', '-o', 'out/image', '--runner', runner, ...kernel])
      await using _killed = { [Symbol.asyncDispose]: () => Promise.resolve(void child.kill('SIGKILL')) }
      let stderr = ''
      child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
      // What a script says is told while it runs.
      const attempts = runner === 'vm' ? 6 : 1
      for (let attempt = 1; !stderr.includes('first words'); attempt++) {
        await until(() => stderr.includes('first words'), stderr).catch((error: unknown) => {
          // A guest may take minutes to start where it is emulated and the machine has much to do.
          if (attempt === attempts) throw error
        })
      }
      const started = processesBelow(child.pid ?? 0, bench.path)
      assert.ok(started.length >= (runner === 'vm' ? 1 : 3), `there are ${started.length} processes`)
      const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)))
      child.kill(signal)
      assert.equal(await ended, signal === 'SIGINT' ? 130 : null)
      await until(() => !started.some(isRunning), 'all processes end')
      assert.deepEqual(processesBelow(child.pid ?? 0, bench.path), [])
      assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').includes(bench.path), false)
      if (signal === 'SIGINT') {
        assert.deepEqual(readdirSync(join(bench.path, 'out')), [])
        assert.deepEqual(bench.leftovers(), [])
      }
    })
  }
}

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(
    `${signal} while the base of a script is checked and unpacked leaves no process and no mount`,
    needsNamespaces,
    async () => {
      await using bench = await makeBench()
      mkdirSync(join(bench.path, 'out'))
      writeLargeBase(join(bench.path, 'base.tar'))
      const args = { name: 'x', tag: '1', fromImage: './base.tar', runAsRoot: 'echo first words' }
      writeFileSync(join(bench.path, 'image.json'), JSON.stringify({ function: 'buildImage', args }))
      const child = bench.start(['build', 'image.json', '-o', 'out/image', '--runner', 'namespace'])
      await using _killed = { [Symbol.asyncDispose]: () => Promise.resolve(void child.kill('SIGKILL')) }
      let stderr = ''
      child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
      const isUnpacking = (pid: number): boolean => /^tar\0.*\0--exclude=/s.test(read(String(pid), 'cmdline'))
      let started: readonly number[] = []
      for (let attempt = 0; attempt < 3000 && !started.some(isUnpacking); attempt++) {
        await new Promise((resolve) => setTimeout(resolve, 5))
        started = processesBelow(child.pid ?? 0, bench.path)
      }
      assert.ok(started.some(isUnpacking), stderr)
      const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)))
      child.kill(signal)
      assert.equal(await ended, signal === 'SIGINT' ? 130 : null, stderr)
      assert.doesNotMatch(stderr, /first words/)
      await until(() => !started.some(isRunning), 'all processes end')
      assert.deepEqual(processesBelow(child.pid ?? 0, bench.path), [])
      assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').includes(bench.path), false)
      if (signal !== 'SIGINT') return
      assert.deepEqual(readdirSync(join(bench.path, 'out')), [])
      assert.deepEqual(bench.leftovers(), [])
    },
  )
}

/** A docker-archive with one plain layer of many MiB, nearly all of it a hole. */
function writeLargeBase(path: string): void {
  const size = 384 * 1024 * 1024
  const head = makeTar([{ name: 'large', size }], false)
  const end = Buffer.alloc(1024)
  const hash = createHash('sha256').update(head)
  const hole = Buffer.alloc(1024 * 1024)
  for (let left = size; left > 0; left -= hole.length) hash.update(hole)
  const config = { rootfs: { type: 'layers', diff_ids: [`sha256:${hash.update(end).digest('hex')}`] } }
  const outer = makeTar([{ name: 'l/layer.tar', size: head.length + size + end.length }], false)
  writeFileSync(path, Buffer.concat([outer, head]))
  truncateSync(path, outer.length + head.length + size + end.length)
  const manifest = [{ Config: 'c.json', Layers: ['l/layer.tar'] }]
  const files = [
    { name: 'c.json', body: JSON.stringify(config) },
    { name: 'manifest.json', body: JSON.stringify(manifest) },
  ]
  appendFileSync(path, makeTar(files))
}

/** All that a process has started, and whatever else was started with a folder in its environment, daemons too. */
function processesBelow(ancestor: number, folder: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const parents = new Map(
    pids.map((pid) => [Number(pid), Number(/^\d+ \(.*\) \S (\d+)/s.exec(read(pid, 'stat'))?.[1])]),
  )
  const isBelow = (pid: number): boolean => {
    for (let at = parents.get(pid); at !== undefined && at > 1; at = parents.get(at)) if (at === ancestor) return true
    return false
  }
  return [...parents.keys()].filter(
    (pid) =>
      pid !== process.pid &&
      pid !== ancestor &&
      isRunning(pid) &&
      (isBelow(pid) || read(String(pid), 'environ').includes(folder)),
  )
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    // It has ended meanwhile, or belongs to somebody else.
    return ''
  }
}
