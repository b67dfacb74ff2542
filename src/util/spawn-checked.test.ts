import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { DockerToolsError, ScriptError } from '#errors'
import { type BuildEvent, withReporter } from '#events'
import { makeTempDir, spawnChecked, spawnUntilSaid } from '#util'

const env = { PATH: '/usr/bin:/bin' }

function run(script: string, signal?: AbortSignal): Promise<void> {
  return spawnChecked('bash', ['-c', script], { step: 'extraCommands', cwd: '/', env, signal })
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
}

test('what a program writes becomes events, on whichever stream it writes', async () => {
  const texts: string[] = []
  const reporter = (event: BuildEvent): void => {
    if (event.type === 'script-output') texts.push(`${event.step}: ${event.text}`)
  }
  await withReporter(reporter, () => run('echo out; echo err >&2'))
  assert.deepEqual(texts.toSorted(), ['extraCommands: err\n', 'extraCommands: out\n'])
})

test('the environment is what is given, and nothing else', async () => {
  process.env['DOCKERTOOLS_SECRET'] = 'x'
  try {
    await run('test -z "$DOCKERTOOLS_SECRET"')
  } finally {
    delete process.env['DOCKERTOOLS_SECRET']
  }
})

test('a failure tells the status and the end of what was said, and no more than that', async () => {
  await assert.rejects(run('for i in $(seq 5000); do echo "line $i" >&2; done; echo last >&2; exit 9'), (error) => {
    assert.ok(error instanceof ScriptError)
    assert.deepEqual(
      [error.code, error.step, error.exitCode, error.signal],
      ['SCRIPT_FAILED', 'extraCommands', 9, undefined],
    )
    assert.ok(error.stderrTail.endsWith('line 5000\nlast\n'))
    assert.ok(error.stderrTail.length <= 4096)
    assert.match(error.message, /^Cannot finish extraCommands: the script exited with status 9; it said:\n/)
    return true
  })
})

test('a program that a signal ends fails with that signal', async () => {
  await assert.rejects(run('kill -KILL $$'), (error) => {
    assert.ok(error instanceof ScriptError)
    assert.deepEqual([error.exitCode, error.signal], [undefined, 'SIGKILL'])
    return true
  })
})

test('a program that is not there is told as such', async () => {
  const missing = spawnChecked('no-such-program-here', [], { step: 'extraCommands', cwd: '/', env })
  await assert.rejects(missing, { code: 'PROGRAM_MISSING', message: /"no-such-program-here"/ })
})

test('an abort kills the program and all that it has started', async () => {
  await using temp = await makeTempDir('spawn-test-')
  const file = `${temp.path}/pids`
  const abort = new AbortController()
  const script = `sleep 1000 & echo $! $$ > ${file}.part; mv ${file}.part ${file}; wait`
  const running = run(script, abort.signal)
  const outcome = assert.rejects(running, (error) => error instanceof DockerToolsError && error.code === 'INTERRUPTED')
  while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 10))
  abort.abort()
  await outcome
  const pids = readFileSync(file, 'utf8').trim().split(' ').map(Number)
  while (pids.some(isRunning)) await new Promise((resolve) => setTimeout(resolve, 10))
  await assert.rejects(run('true', abort.signal), { code: 'INTERRUPTED' })
})

test('what a program leaves in the background is ended with it, even while it holds the output open', async () => {
  await using temp = await makeTempDir('spawn-test-')
  await run(`sleep 1000 & echo $! > ${temp.path}/pid`)
  const pid = Number(readFileSync(`${temp.path}/pid`, 'utf8'))
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 10))
})

test('a program that has said all is not waited for, but in the end', async () => {
  await using folder = await makeTempDir('test-')
  const [go, done] = ['go', 'done'].map((name) => `${folder.path}/${name}`) as [string, string]
  const script = `echo said >&3; exec > /dev/null 2>&1 3>&-; until [ -e '${go}' ]; do sleep 0.02; done; : > '${done}'; exit 9`
  let said = ''
  const options = {
    step: 'extraCommands',
    cwd: '/',
    env,
    descriptors: ['pipe'],
    talk: async (pipe: (descriptor: number) => AsyncIterable<Uint8Array>) => {
      for await (const chunk of pipe(3)) said += Buffer.from(chunk).toString()
    },
  } as const
  const left = await spawnUntilSaid('bash', ['-c', script], options, () => said === 'said\n')
  assert.equal(existsSync(done), false)
  writeFileSync(go, '')
  await left[Symbol.asyncDispose]()
  assert.ok(existsSync(done))
  await assert.rejects(
    spawnUntilSaid('bash', ['-c', script], options, () => false),
    { code: 'SCRIPT_FAILED', exitCode: 9 },
  )
})

test('time begins when it is told to', async () => {
  const begun = Promise.withResolvers<void>()
  const script = 'sleep 0.3; echo x; sleep 1000'
  const options = { step: 'extraCommands', cwd: '/', env, timeoutSeconds: 0.1, timeBegins: begun.promise }
  const reporter = (event: BuildEvent): void => {
    if (event.type === 'script-output') begun.resolve()
  }
  await assert.rejects(
    withReporter(reporter, () => spawnChecked('bash', ['-c', script], options)),
    { code: 'LIMIT_EXCEEDED' },
  )
  await spawnChecked('bash', ['-c', 'sleep 0.3'], { ...options, timeBegins: new Promise(() => undefined) })
})
