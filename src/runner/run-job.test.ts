import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { DockerToolsError } from '#errors'
import { type BuildEvent, withReporter } from '#events'
import { type JobTrees, type RunJob, runJob, type RunnerName, runPlannedJob } from '#runner'
import {
  describeChange,
  directory,
  entry,
  jobOf,
  linesOf,
  MOUNT_POINTS,
  textFile,
  treeOf,
  writtenTree,
} from '../../test/support/run-jobs.ts'
import { isRunning, until } from '../../test/support/processes.ts'
import { needs, needsNumbers } from '../../test/support/places.ts'

const needsNamespaces = needs('unshare', 'nsenter', 'busybox')
const needsFakeroot = needs('fakeroot')
const needsBoth = needs('unshare', 'nsenter', 'busybox', 'fakeroot')

const NO_LIMITS = { diskMiB: undefined, memoryMiB: undefined, timeoutSeconds: 60 }

async function changesOf(job: RunJob, runner?: RunnerName): Promise<string[]> {
  await using changes = await runJob(job, runner)
  return linesOf(changes)
}

function folderJob(script: string, parts: Partial<RunJob> = {}): RunJob {
  const upper = writtenTree({ 'a/': '', 'a/f': 'text', 'a/l': '-> f', 'b/': '' })
  return jobOf(script, { step: 'fakeRootCommands', view: 'folder', upper, limits: NO_LIMITS, ...parts })
}

const OWNERS =
  'chown 1:2 a; chown -h 3:4 a/l; chown 60000:5 a/f; chmod 4711 a/f; chmod 1777 b; mkfifo b/p; chmod 600 b/p; ln a/f b/h; rm -r a/nothing 2>/dev/null || true'

const OWNERS_LISTED = [
  'directory 755 0:0 /',
  'directory 755 1:2 /a',
  'file 4711 60000:5 /a/f',
  'symlink 777 3:4 /a/l -> f',
  'directory 1777 0:0 /b',
  'file 4711 60000:5 /b/h',
  'fifo 600 0:0 /b/p',
]

test('owners and modes that a script gives are told, by fakeroot', needsFakeroot, async () => {
  assert.deepEqual(await changesOf(folderJob(OWNERS), 'fakeroot'), OWNERS_LISTED)
})

test('owners and modes that a script gives are told the same in namespaces', needsNumbers(), async () => {
  assert.deepEqual(await changesOf(folderJob(OWNERS), 'namespace'), OWNERS_LISTED)
})

test('a tree whose owners are others than root keeps them, under fakeroot and in namespaces', needsBoth, async () => {
  const upper = writtenTree({ 'x/': '', 'x/y': 'text' }, { uid: 1234, gid: 99 })
  const expected = ['directory 755 1234:99 /', 'directory 755 1234:99 /x', 'file 644 1234:99 /x/y', 'file 644 0:0 /x/z']
  const job = folderJob('touch x/z; [ "$(stat -c %u:%g x/y)" = 1234:99 ]', { upper })
  assert.deepEqual(await changesOf(job, 'fakeroot'), expected)
  if (needsNumbers().skip === false) assert.deepEqual(await changesOf(job, 'namespace'), expected)
})

test('fakeroot keeps devices, and files that nobody may read', needsFakeroot, async () => {
  const script = 'mknod null c 1 3; mknod disk b 259 70000; chmod 0 a/f; chmod 0 b'
  assert.deepEqual(await changesOf(folderJob(script), 'fakeroot'), [
    'directory 755 0:0 /',
    'directory 755 0:0 /a',
    'file 0 0:0 /a/f',
    'symlink 777 0:0 /a/l -> f',
    'directory 0 0:0 /b',
    'block 644 0:0 /disk 259, 70000',
    'char 644 0:0 /null 1, 3',
  ])
})

test('an interrupted fakeroot leaves no daemon behind', needsFakeroot, async () => {
  const daemons = (): string[] => readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isDaemon(pid))
  const before = new Set(daemons())
  const stop = new AbortController()
  const running = runJob(folderJob('sleep 600'), 'fakeroot', stop.signal)
  await until(() => daemons().some((pid) => !before.has(pid)), 'the daemon starts')
  const started = daemons().filter((pid) => !before.has(pid))
  // It tells its number a moment after it is there.
  await new Promise((resolve) => setTimeout(resolve, 500))
  stop.abort()
  await assert.rejects(running, { code: 'INTERRUPTED' })
  await until(() => started.every((pid) => !isRunning(Number(pid))), 'the daemon ends')
})

function isDaemon(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('faked') && isRunning(Number(pid))
  } catch {
    // It has ended meanwhile.
    return false
  }
}

test('programs without shared libraries see the owners too, in namespaces', needsNumbers(), async () => {
  const job = folderJob('busybox chown 7:8 a/f; [ "$(busybox stat -c %u a/f)" = 7 ]')
  assert.ok((await changesOf(job, 'namespace')).includes('file 644 7:8 /a/f'))
})

test(
  'an owner that namespaces have no number for is told, whether or not the script goes on',
  needsNamespaces,
  async () => {
    for (const script of ['chown 4000000000:0 /tmp', 'chown 4000000000:0 /tmp || true']) {
      await assert.rejects(changesOf(jobOf(script), 'namespace'), {
        code: 'RUNNER_UNAVAILABLE',
        message:
          /^Cannot run runAsRoot in namespaces: it gives a file to an owner .*\("chown: .*: Invalid argument"\)$/,
      })
    }
  },
)

test(
  'a job that namespaces cannot do goes to a guest, and where there is none the error tells both',
  needsNamespaces,
  async () => {
    const running = runJob(jobOf('chown 4000000000:0 /tmp'), undefined, undefined, { kernel: '/no/such/kernel' })
    await assert.rejects(running, {
      code: 'RUNNER_UNAVAILABLE',
      message: /^Cannot run runAsRoot: namespace: .* gives a file to an owner .*; vm: .*\/no\/such\/kernel/,
    })
  },
)

const IMAGE = writtenTree({
  'bin/': '',
  'etc/': '',
  'etc/gone': 'x',
  'etc/kept': 'x',
  'etc/written': 'x',
  'old/': '',
  'old/x': 'x',
  'replaced/': '',
  'replaced/a': 'x',
  'replaced/b': 'x',
  'moved/': '',
  'moved/m': 'x',
})

test('of an image only what a script has changed is told', needsNamespaces, async () => {
  const script =
    'rm etc/gone; echo y > etc/written; rm -r old; rm -r replaced; mkdir replaced; echo n > replaced/b; mv moved elsewhere; mkdir -p /data'
  assert.deepEqual(await changesOf(jobOf(script, { base: IMAGE })), [
    'directory 755 0:0 /',
    'directory 755 0:0 /data',
    'directory 755 0:0 /dev',
    'directory 755 0:0 /elsewhere',
    'file 644 0:0 /elsewhere/m',
    'directory 755 0:0 /etc',
    'gone etc/gone',
    'file 644 0:0 /etc/written',
    'gone moved',
    'directory 755 0:0 /nix',
    'directory 755 0:0 /nix/store',
    'gone old',
    'directory 755 0:0 /proc',
    'directory 755 0:0 /replaced opaque',
    'file 644 0:0 /replaced/b',
    'directory 755 0:0 /sys',
    'directory 755 0:0 /tmp',
  ])
})

test('the contents of changed files come with them, also of names that are no text', needsNamespaces, async () => {
  const script = String.raw`printf one > "$(printf 'a\nb')"; printf two > "$(printf '\377')"; : > empty; printf three > z`
  await using changes = await runJob(jobOf(script), undefined)
  const texts = changes.entries.flatMap((change) => {
    if (change.type !== 'file') return []
    assert.ok(change.body.kind === 'spool')
    const target = Buffer.alloc(change.size)
    if (change.size > 0) change.body.spool.readNow(target, change.body.offset)
    return [[change.path, target.toString()]]
  })
  assert.deepEqual(texts, [
    ['a\nb', 'one'],
    ['empty', ''],
    ['z', 'three'],
    ['\xff', 'two'],
  ])
})

test('the environment is what the job says, and little else', needsNamespaces, async () => {
  const events: BuildEvent[] = []
  await withReporter(
    (event) => events.push(event),
    () => changesOf(jobOf('env | sort; umask; pwd; id -u; hostname')),
  )
  const said = events.map((event) => (event.type === 'script-output' ? event.text : '')).join('')
  const lines = said.split('\n').filter((line) => !/^(_|PWD|SHLVL)=/.test(line))
  assert.deepEqual(lines, [
    'HOME=/homeless-shelter',
    'LC_ALL=C',
    'PATH=/usr/bin:/bin:/dev/.dockertools/bin',
    '0022',
    '/',
    '0',
    'localhost',
    '',
  ])
  assert.deepEqual(
    events.filter((event) => event.type === 'runner'),
    [{ type: 'runner', step: 'runAsRoot', runner: 'namespace' }],
  )
})

test('a runner that was asked for and cannot do it is an error, and no other takes its place', async () => {
  const refused = async (job: RunJob, runner: RunnerName, message: RegExp): Promise<void> =>
    await assert.rejects(runJob(job, runner), { code: 'RUNNER_UNAVAILABLE', message })
  await refused(jobOf('true'), 'plain', /runAsRoot with the runner "plain": it cannot tell owners/)
  if (needsFakeroot.skip === false) {
    await refused(jobOf('true'), 'fakeroot', /^Cannot run runAsRoot: fakeroot: fakeroot cannot make a folder the root$/)
  }
  if (needsNamespaces.skip !== false) return
  await refused(jobOf('mknod /dev/x c 1 3'), 'namespace', /namespace: the script makes a device with mknod/)
  const disk = { diskMiB: 2 ** 30, memoryMiB: undefined, timeoutSeconds: undefined }
  await refused(
    jobOf('true', { limits: disk }),
    'namespace',
    /with diskSize it may grow to \d+ MiB, and this machine has \d+ MiB/,
  )
  const upper = writtenTree(MOUNT_POINTS, { uid: 4_294_967_290, gid: 0 })
  await refused(
    jobOf('true', { upper }),
    'namespace',
    /"" belongs to 4294967290:0, and it is outside|only the number 0: install uidmap/,
  )
})

for (const [what, bytes] of [
  ['small', 10],
  ['large', 9 * 1024 * 1024],
] as const) {
  test(`a ${what} base is there as it should be, however it is unpacked`, needsNamespaces, async () => {
    const content = 'x'.repeat(bytes)
    const base = treeOf([
      ...writtenTree(MOUNT_POINTS).entries,
      directory('a', { mode: 0o2550 }),
      directory('a/b', { mode: 0o700 }),
      textFile('a/b/first', content, { mode: 0o4711 }),
      entry('a/link', { type: 'symlink', mode: 0o777, target: 'b/first' }),
      directory('empty', { mode: 0o1777 }),
      directory('z', { mode: 0o500 }),
      textFile('z/last', content),
    ])
    const script = `cmp /a/b/first /z/last; stat -c '%n %a %Y' /a /a/b /a/b/first /empty /z /z/last > /seen; readlink /a/link >> /seen`
    const job = jobOf(script, { base, upper: writtenTree({}), limits: { ...NO_LIMITS, diskMiB: 8 } })
    await using changes = await runJob(job, 'namespace')
    assert.deepEqual(changes.entries.map(describeChange), [
      '/ directory 755 0:0',
      `seen file 644 0:0 "${[
        '/a 2550 1',
        '/a/b 700 1',
        '/a/b/first 4711 1',
        '/empty 1777 1',
        '/z 500 1',
        '/z/last 644 1',
        'b/first',
        '',
      ].join('\n')}"`,
    ])
  })
}

function treesLater(trees: JobTrees | Error, delayMs = 300): Promise<JobTrees> {
  return new Promise((resolve, reject) =>
    setTimeout(() => (trees instanceof Error ? reject(trees) : resolve(trees)), delayMs),
  )
}

test('trees that are found later are run on as well, and their time does not count', needsNamespaces, async () => {
  const plan = jobOf('echo x > /made', { limits: { ...NO_LIMITS, timeoutSeconds: 1 } })
  await using changes = await runPlannedJob(plan, treesLater(plan, 1500), 'namespace')
  assert.ok(linesOf(changes).includes('file 644 0:0 /made'))
})

test('where trees cannot be found that is the error, and nothing is left', needsNamespaces, async () => {
  const before = readdirSync('/tmp')
  for (const error of [new DockerToolsError('PATH_UNSAFE', 'Cannot have this'), new RangeError('not this either')]) {
    const told: BuildEvent[] = []
    const running = withReporter(
      (event) => void told.push(event),
      () => runPlannedJob(jobOf('echo ran'), treesLater(error), undefined),
    )
    await assert.rejects(running, (thrown) => thrown === error)
    assert.deepEqual(told, [])
  }
  assert.deepEqual(
    readdirSync('/tmp').filter((name) => !before.includes(name) && name.startsWith('dockertools-view')),
    [],
  )
})

test('a job that is refused once its trees are known is not run', needsNamespaces, async () => {
  const upper = writtenTree(MOUNT_POINTS, { uid: 4_294_967_290, gid: 0 })
  const told: BuildEvent[] = []
  const running = withReporter(
    (event) => void told.push(event),
    () => runPlannedJob(jobOf('echo ran'), treesLater({ base: undefined, upper }), 'namespace'),
  )
  await assert.rejects(running, {
    code: 'RUNNER_UNAVAILABLE',
    message: /^Cannot run runAsRoot: namespace: "" belongs to/,
  })
  assert.deepEqual(told, [])
})

test(
  'what is laid over a base counts as changed, and what a script takes away of it was never there',
  needsNamespaces,
  async () => {
    const base = writtenTree({
      ...MOUNT_POINTS,
      'both/': '',
      'both/old': 'o',
      'gone/': '',
      'gone/old': 'o',
      'kept/': '',
    })
    const upper = writtenTree({
      'both/': '',
      'both/new': 'n',
      'both/old': 'o',
      'gone/': '',
      'gone/new': 'n',
      'own/': '',
      'own/x': '',
    })
    const job = jobOf('rm -r /gone /own', { base, upper })
    assert.deepEqual(await changesOf(job, 'namespace'), [
      'directory 755 0:0 /',
      'directory 755 0:0 /both',
      'file 644 0:0 /both/new',
      'file 644 0:0 /both/old',
      'gone gone',
    ])
  },
)
