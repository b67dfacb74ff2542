import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { runCommand, writeText, type RunCommandArgs } from '#derivation'
import type { ErrorCode } from '#errors'
import { probeIsolation } from '#runner'
import { until } from '../../test/support/processes.ts'
import { commandLines, failsWith, openWorkshop, startProgram } from './test-support.test.ts'

const isolation = await probeIsolation()
const needsIsolation = { skip: isolation.isAvailable ? false : `no namespaces here: ${isolation.reason}` }

function command(script: string, more: Partial<RunCommandArgs> = {}): ReturnType<typeof runCommand> {
  return runCommand({ name: 'probe', script, ...more })
}

test(
  'a builder sees its inputs, the machine without its changes, and nothing else of the store',
  needsIsolation,
  async () => {
    await using shop = await openWorkshop()
    const [seen, unseen] = [writeText('seen', 'yes\n'), writeText('unseen', 'no')]
    const session = shop.session()
    await session.realise(unseen)
    const made = await shop.realise(
      command(`
      cd /nix/store; ls > /build/names; (cat /build/names; basename $out) | sort > $out
      cat ${seen} >> $out
      for place in /x /usr/x /etc/x /proc/sys/kernel/domainname ${seen}; do
        (echo x > $place) 2>/dev/null && echo "wrote $place" >> $out
      done
      id -u >> $out; id -g >> $out; pwd >> $out; hostname >> $out
      { cd /build; echo temp > file; cat file; ls -A /tmp; ls -d /home /root /var /work 2>/dev/null || true; } >> $out
    `),
    )
    const lines = readFileSync(made, 'utf8').split('\n')
    const names = [await session.outPath(seen), made].map((path) => path.slice(path.lastIndexOf('/') + 1))
    assert.deepEqual(lines, [...names.toSorted(), 'yes', '1000', '100', '/nix/store', 'localhost', 'temp', ''])
  },
)

test('a builder has the environment of Nix and nothing of ours', needsIsolation, async () => {
  await using shop = await openWorkshop()
  process.env['LEAK'] = 'leaks'
  const made = await shop.realise(
    command('env -0 | sort -z | tr "\\\\0" "\\\\n" > $out; umask >> $out', { env: { OWN: 'a b\nc' } }),
  )
  delete process.env['LEAK']
  const text = readFileSync(made, 'utf8')
  assert.ok(!text.includes('leaks'))
  for (const line of [
    'HOME=/homeless-shelter',
    'NIX_BUILD_TOP=/build',
    'TMPDIR=/build',
    'NIX_STORE=/nix/store',
    'OWN=a b',
    '0022',
  ]) {
    assert.ok(text.split('\n').includes(line), line)
  }
})

test('a builder reaches no network', needsIsolation, async () => {
  await using shop = await openWorkshop()
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const made = await shop.realise(
    command(`if (exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null; then echo yes; else echo no; fi > $out`),
  )
  server.close()
  assert.equal(readFileSync(made, 'utf8'), 'no\n')
  assert.equal(connections, 0)
})

test('a process that a builder leaves behind ends with it', needsIsolation, async () => {
  await using shop = await openWorkshop()
  // setsid: neither the process group nor the session is the builder's any more.
  await shop.realise(command('setsid sleep 4711.0815 & echo done > $out'))
  assert.ok(!commandLines().includes('sleep 4711.0815'), 'it is gone')
})

test(
  'a builder that fails, writes nothing, or writes elsewhere gives one error, and the store is as before',
  needsIsolation,
  async () => {
    await using shop = await openWorkshop()
    const cases: [script: string, code: ErrorCode, ...texts: string[]][] = [
      ['echo "the reason" >&2; exit 3', 'SCRIPT_FAILED', 'status 3', 'the reason', '"probe"'],
      ['true', 'OUTPUT_INVALID', 'without making the output "out"'],
      ['echo 1 > $out; echo 2 > /nix/store/elsewhere', 'OUTPUT_INVALID', '"elsewhere"'],
      ['mkfifo $out', 'FILE_TYPE_UNSUPPORTED'],
      ['no-such-program > $out', 'SCRIPT_FAILED', 'status 127'],
      ['kill -9 $$', 'SCRIPT_FAILED'],
      ['dd if=/dev/zero of=/dev/full bs=1 count=1', 'SCRIPT_FAILED', 'No space left'],
    ]
    for (const [script, code, ...texts] of cases) {
      await assert.rejects(shop.realise(command(script)), failsWith(code, ...texts), script)
    }
    await assert.rejects(
      shop.realise(command('x', { shell: '/no/such/shell' })),
      failsWith('SCRIPT_FAILED', '/no/such/shell'),
    )
    const valid = shop.names().filter((name) => !name.endsWith('.drv'))
    assert.deepEqual(valid, [])
    assert.deepEqual((await shop.store.verify({ checksContents: true })).faults, [])
  },
)

test('a builder that takes too long is stopped', needsIsolation, async () => {
  await using shop = await openWorkshop()
  await assert.rejects(
    shop.realise(command('sleep 1000'), { timeLimitSeconds: 1 }),
    failsWith('SCRIPT_FAILED', 'stopped after 1 seconds'),
  )
})

test('an interrupted builder is gone at once', needsIsolation, async () => {
  await using shop = await openWorkshop()
  const stop = new AbortController()
  const running = shop.realise(command('echo started; sleep 4711.0816'), { signal: stop.signal })
  running.catch(() => undefined)
  await until(
    () => shop.events.some((event) => event.type === 'script-output' && event.text.includes('started')),
    'start',
  )
  stop.abort()
  await assert.rejects(running, failsWith('INTERRUPTED'))
})

test('a builder ends when the process that asked for it is killed', needsIsolation, async () => {
  await using shop = await openWorkshop()
  const child = startProgram(
    `import { openRealiseSession, runCommand } from '#derivation'
    import { openWritableStore } from '#store'
    const store = openWritableStore('local:${shop.root}')
    await openRealiseSession({ store, writable: store }).realise(runCommand('slow', {}, 'sleep 4711.0817'))`,
  )
  const isSleeping = (): boolean => commandLines().includes('sleep 4711.0817')
  await until(isSleeping, 'the builder has started')
  child.kill('SIGKILL')
  await until(() => !isSleeping(), 'the builder has ended')
  // The next writer cleans up, and builds as if nothing had been.
  assert.ok(existsSync(await shop.realise(command('echo fine > $out'))))
})
