import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { listTar, memberNamed, type TarListing } from '../support/list-tar.ts'
import { needsRoot } from '../support/places.ts'
import { type Bench, type CliOptions, makeBench } from '../support/run-cli.ts'
import { isRunning } from '../support/processes.ts'
import { expectRefusal } from './expect-refusal.ts'

const NOBODY = 65_534

function definition(extraCommands: string): object {
  return { function: 'streamLayeredImage', args: { name: 'x', tag: '1', architecture: 'amd64', extraCommands } }
}

async function customised(bench: Bench, extraCommands: string, options: CliOptions = {}): Promise<TarListing> {
  const stdin = JSON.stringify(definition(extraCommands))
  const result = await bench.run(['stream', '-'], { ...options, stdin })
  assert.equal(result.status, 0, result.stderr)
  assert.deepEqual(bench.leftovers(), [])
  const outer = listTar(result.stdout)
  const [image] = JSON.parse(memberNamed(outer, 'manifest.json').body.toString()) as { Layers: string[] }[]
  return listTar(memberNamed(outer, image?.Layers.at(-1) ?? '').body)
}

const failing: Readonly<Record<string, readonly [script: string, message: RegExp]>> = {
  'exits with a status': ['echo one; echo the reason >&2; exit 7', /exited with status 7; it said:\nthe reason$/],
  'fails in the middle': ['false; echo after > after', /exited with status 1$/],
  'fails inside a pipe': ['false | cat', /exited with status 1$/],
  'uses a program that is not there': [
    'no-such-program-here',
    /exited with status 127; it said:\n.*no-such-program-here/,
  ],
  'is no shell text': ['if then (', /syntax error/],
  'is killed': ['kill -TERM $$', /was killed by SIGTERM$/],
  'says very much': [
    'for i in $(seq 20000); do echo "line $i" >&2; done; echo last words >&2; exit 3',
    /exited with status 3; it said:\n(.*\n){1,600}last words$/,
  ],
  'says what is no text': [String.raw`printf '\377\376\033[2J' >&2; exit 4`, /exited with status 4/],
}

for (const [what, [script, message]] of Object.entries(failing)) {
  test(`extraCommands that ${what} end the work, with the end of what they said`, async () => {
    await using bench = await makeBench()
    mkdirSync(join(bench.path, 'result'))
    await expectRefusal(bench, definition(script), [], { code: 'SCRIPT_FAILED', message })
  })
}

test('extraCommands longer than the kernel takes as an argument run', async () => {
  await using bench = await makeBench()
  const layer = await customised(bench, `${'# a comment\n'.repeat(20_000)}echo done > done`)
  assert.equal(memberNamed(layer, './done').body.toString(), 'done\n')
})

test('what extraCommands leave running is ended with them, and is not waited for', async () => {
  await using bench = await makeBench()
  const pidFile = join(bench.path, 'pid')
  const layer = await customised(bench, `sleep 1000 & echo $! > ${pidFile}; echo done > done`)
  assert.equal(memberNamed(layer, './done').body.toString(), 'done\n')
  assert.equal(isRunning(Number(readFileSync(pidFile, 'utf8'))), false)
})

test('folders that nobody may enter are packed and cleared away', async () => {
  await using bench = await makeBench()
  const layer = await customised(
    bench,
    'mkdir -p open closed/in; echo x > closed/in/f; chmod 500 closed/in; chmod 700 closed',
  )
  assert.equal(memberNamed(layer, './closed/in/').row.mode, '0500')
})

test('folders of mode 000 are packed by root, and refused to others, without a trace', needsRoot, async () => {
  const script = 'mkdir -p closed/in; echo x > closed/in/f; chmod 000 closed'
  await using bench = await makeBench()
  const layer = await customised(bench, script)
  assert.equal(memberNamed(layer, './closed/').row.mode, '0000')
  assert.equal(memberNamed(layer, './closed/in/f').body.toString(), 'x\n')
  await using other = await makeBench()
  mkdirSync(join(other.path, 'result'))
  other.openToAll()
  const refusal = { code: 'FILE_UNREADABLE', message: /closed/ } as const
  await expectRefusal(other, definition(script), [], refusal, { uid: NOBODY })
})

test('extraCommands see a fixed environment, whatever the caller has', async () => {
  await using bench = await makeBench()
  const env = { SECRET: 'x', LC_ALL: 'de_DE.UTF-8', TZ: 'Asia/Tokyo', BASH_ENV: '/etc/profile', SOURCE_DATE_EPOCH: '5' }
  const layer = await customised(
    bench,
    'env -0 | sort -z | tr "\\0" "\\n" > env; umask > umask; pwd -P > /dev/null; set -o > opts',
    {
      env,
    },
  )
  const names = memberNamed(layer, './env').body.toString().trimEnd().split('\n')
  const text = names.filter((line) => !/^(TMPDIR|TEMPDIR|TMP|TEMP|PWD|OLDPWD|SHLVL|_)=/.test(line))
  assert.deepEqual(text, [
    'HOME=/homeless-shelter',
    'LC_ALL=C',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'SOURCE_DATE_EPOCH=315532800',
    'TZ=UTC',
  ])
  assert.equal(memberNamed(layer, './umask').body.toString(), '0022\n')
  const options = memberNamed(layer, './opts').body.toString()
  assert.match(options, /^errexit\s+on$/m)
  assert.match(options, /^pipefail\s+on$/m)
})

test('a socket that extraCommands leave is left out, as GNU tar does, and told', async () => {
  await using bench = await makeBench()
  const script = `python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.bind("s")'; echo x > x; mkfifo f`
  const result = await bench.run(['stream', '-', '--quiet'], { stdin: JSON.stringify(definition(script)) })
  assert.equal(result.status, 0, result.stderr)
  assert.match(result.stderr, /warning \(SOCKET_SKIPPED\).*"\.\/s"/)
})

test('extraCommands cannot write into the result of another run', async () => {
  await using bench = await makeBench()
  await customised(bench, 'cd ..; touch outside; cd /; true')
  assert.equal(existsSync(join(bench.path, 'tmp', 'outside')), false)
})
