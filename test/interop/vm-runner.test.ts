import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DockerToolsError, ScriptError } from '#errors'
import { withReporter } from '#events'
import { buildImage } from '#docker-tools'
import { makeVmRunner, runJob, type RunJob, type RunnerName } from '#runner'
import { makeTempDir } from '#util'
import { isRunning, until } from '../support/processes.ts'
import { describeChange, directory, GUEST_KERNEL, needsGuest, runAsRootJob, textFile } from '../support/run-jobs.ts'

/** A guest takes seconds to start where it is emulated, so that the normal tests start few. */
const MORE = process.env['DOCKERTOOLS_MORE_GUESTS'] === undefined ? [] : ['more']
const kvmThenTcg = makeVmRunner({ kernel: GUEST_KERNEL })
const runner = makeVmRunner({ kernel: GUEST_KERNEL, accelerators: ['tcg'] })

const BASE = [
  directory('etc'),
  textFile('etc/hosts', 'hosts'),
  directory('gone'),
  textFile('gone/inner', 'inner'),
  directory('new'),
  directory('new/sub'),
  textFile('new/sub/old', 'old'),
  directory('opt', { uid: 7, gid: 8, mode: 0o1750 }),
  textFile('opt/program', '#!', { mode: 0o4755, uid: 1000, gid: 100 }),
  textFile('opt/second', 'second', { uid: 7 }),
  directory('was-directory'),
  textFile('was-directory/f', 'f'),
  textFile('was-file', 'f'),
]

const CHANGE_EVERYTHING = `
echo 'to stdout'
echo 'to stderr' >&2
mkdir -p /data
rm /etc/hosts
rm -rf /gone
rm -rf /new; mkdir -p /new/sub/again
chown 5:6 /opt/program; chmod 6755 /opt/program
rm -rf /was-directory; echo file > /was-directory
rm /was-file; mkdir /was-file
mkdir /kinds; cd /kinds
mkfifo pipe; ln -s nowhere symlink
echo linked > a; ln a b; ln a ../data/c
truncate -s 100000 holes
: > "$(printf 'odd \\377\\nname')"
chown -h 12:13 symlink
printf '%s,' "$PWD" "$TOOL" > /data/seen
ls /sys/class/net > /data/network
(trap '' TERM HUP; sleep 1000) > /dev/null 2>&1 &
`

/** What only a guest can give: the namespace runner has not all owners, and no devices. */
const MAKE_DEVICES = 'cd /kinds; mknod block b 8 300; mknod char c 1 3; chown 4294967294:70000 char'
const USE_STORE = `
ls /nix/store/*-tool/ > /data/store
(cd /nix/store/*-tool && mkdir made) 2>/data/refused || true
`
const DEVICES = ['kinds/block block 644 0:0 8:300', 'kinds/char char 644 4294967294:70000 1:3']

test(
  'the vm runner gives back every kind of change with its owners, and keeps the rest from changing',
  needsGuest(),
  async (t) => {
    await using temp = await makeTempDir('store-')
    const tool = join(temp.path, '0123456789abcdfghijklmnpqrsvwxyz-tool')
    mkdirSync(tool)
    writeFileSync(join(tool, 'file'), 'content')
    symlinkSync('file', join(tool, 'link'))
    const bind = {
      logical: '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-tool',
      physical: tool,
      kind: 'directory',
    } as const
    const more = {
      store: { dir: '/nix/store', binds: [bind], isNeeded: true },
      environment: { PATH: '/bin', TOOL: `it's "$HOME"` },
    }
    const base = [...BASE, directory('nix'), directory('nix/store')]
    const { changes, output } = await run(
      runAsRootJob(CHANGE_EVERYTHING + USE_STORE + MAKE_DEVICES, base, more),
      kvmThenTcg,
    )
    assert.equal(output, 'to stdout\nto stderr\n'.split('\n').toSorted().join('\n').trim())
    assert.deepEqual(
      changes.filter((line) => !/^(?:dev|proc|sys|nix|nix\/store) directory/.test(line)),
      [
        '/ directory 755 0:0',
        'data directory 755 0:0',
        'data/c file 644 0:0 "linked\n"',
        'data/network file 644 0:0 "lo\n"',
        changes.find((line) => /^data\/refused file 644 0:0 ".*Read-only file system\n"$/.test(line)),
        `data/seen file 644 0:0 "/kinds,it's "$HOME","`,
        'data/store file 644 0:0 "file\nlink\n"',
        'etc directory 755 0:0',
        'etc/hosts is gone',
        'gone is gone',
        'kinds directory 755 0:0',
        'kinds/a file 644 0:0 "linked\n"',
        'kinds/b file 644 0:0 "linked\n"',
        'kinds/block block 644 0:0 8:300',
        'kinds/char char 644 4294967294:70000 1:3',
        'kinds/holes file 644 0:0 "100000 bytes"',
        'kinds/odd \u00ff\nname file 644 0:0 ""',
        'kinds/pipe fifo 644 0:0',
        'kinds/symlink symlink 12:13 to nowhere',
        'new directory 755 0:0 opaque',
        'new/sub directory 755 0:0 opaque',
        'new/sub/again directory 755 0:0',
        'opt directory 1750 7:8',
        'opt/program file 6755 5:6 "#!"',
        'was-directory file 644 0:0 "file\n"',
        'was-file directory 755 0:0 opaque',
      ],
    )
    assert.deepEqual(readdirSync(tool), ['file', 'link'])
    const namespaced = await changesInNamespaces(runAsRootJob(CHANGE_EVERYTHING, base, more))
    if (namespaced instanceof DockerToolsError) t.diagnostic(`not compared with namespaces: ${namespaced.message}`)
    else
      assert.deepEqual(
        changes.filter((line) => !DEVICES.includes(line) && !/^data\/(?:store|refused) /.test(line)),
        namespaced,
      )
  },
)

test(
  'the vm runner names diskSize when a script fills its disk, and passes on what it said',
  needsGuest(),
  async () => {
    const script = 'echo begin >&2; yes > /big'
    const job = runAsRootJob(script, BASE, { limits: { diskMiB: 8, memoryMiB: 128, timeoutSeconds: 120 } })
    const { error, output } = await failure(job)
    assert.equal(error.code, 'LIMIT_EXCEEDED')
    assert.equal(error.message, 'Cannot finish runAsRoot: it writes more than diskSize allows, 8 MiB')
    assert.match(output, /begin\n[\s\S]*No space left on device/)
  },
)

test('the vm runner ends a script when its time is up, and leaves nothing behind', needsGuest(), async () => {
  const before = leftBehind()
  const job = runAsRootJob('sleep 1000', undefined, { limits: { diskMiB: 8, memoryMiB: 128, timeoutSeconds: 1 } })
  const { error } = await failure(job)
  assert.equal(error.code, 'LIMIT_EXCEEDED')
  assert.match(error.message, /^Cannot finish runAsRoot: it takes longer than the time limit of 1 s$/)
  assert.deepEqual(leftBehind(), before)
})

test('the vm runner kills the guest when it is interrupted', needsGuest(), async () => {
  const before = leftBehind()
  const stop = new AbortController()
  const running = runner.run(runAsRootJob('sleep 1000', undefined), stop.signal)
  let pid = 0
  await until(() => (pid = childNamed('qemu-system-x86') ?? 0) !== 0, 'qemu is started')
  stop.abort()
  await assert.rejects(running, (error) => error instanceof DockerToolsError && error.code === 'INTERRUPTED')
  assert.equal(isRunning(pid), false)
  assert.deepEqual(leftBehind(), before)
})

for (const _ of MORE) {
  test('buildImage() makes the same archive in namespaces and in a guest', needsGuest(), async (t) => {
    await using temp = await makeTempDir('images-')
    const base = join(temp.path, 'base.tar')
    const build = async (file: string, args: object, by: RunnerName): Promise<Buffer> => {
      const chunks: Buffer[] = []
      const options = { runner: by, ...(GUEST_KERNEL === undefined ? {} : { vmKernel: GUEST_KERNEL }) }
      await buildImage({ name: 'x', diskSize: 64, buildVMMemorySize: 256, ...args }).writeTo(
        { write: (chunk) => void chunks.push(Buffer.from(chunk)) },
        { ...options, stores: [], cacheDirectory: null },
      )
      writeFileSync(file, Buffer.concat(chunks))
      return Buffer.concat(chunks)
    }
    const first = { runAsRoot: 'mkdir -p /data/old /keep; echo 1 > /data/file; echo 2 > /keep/file; chown 7:8 /keep' }
    const second = {
      fromImage: base,
      runAsRoot: 'rm -r /data/old; rm /keep/file; echo 3 > /data/new; rm -r /data; mkdir /data; chmod 700 /data',
      extraCommands: 'echo extra > extra; mkdir -p data/more',
    }
    const other = join(temp.path, 'other.tar')
    try {
      const inNamespaces = await build(other, first, 'namespace')
      assert.deepEqual(await build(base, first, 'vm'), inNamespaces)
      assert.deepEqual(await build(other, second, 'vm'), await build(other, second, 'namespace'))
    } catch (error) {
      if (!(error instanceof DockerToolsError) || error.code !== 'RUNNER_UNAVAILABLE') throw error
      t.skip(error.message)
    }
  })

  test('the vm runner passes on the status of a script', needsGuest(), async () => {
    const { error } = await failure(runAsRootJob('echo problem >&2; exit 42', BASE))
    assert.ok(error instanceof ScriptError)
    assert.equal(error.exitCode, 42)
    assert.equal(error.message, 'Cannot finish runAsRoot: the script exited with status 42; it said:\nproblem')
  })

  test('the vm runner names buildVMMemorySize when a script needs more memory', needsGuest(), async () => {
    const job = runAsRootJob('x=a; while :; do x=$x$x; done', undefined, {
      limits: { diskMiB: 8, memoryMiB: 128, timeoutSeconds: 120 },
    })
    const { error } = await failure(job)
    assert.equal(error.code, 'LIMIT_EXCEEDED')
    assert.equal(error.message, 'Cannot finish runAsRoot: it uses more memory than buildVMMemorySize allows, 128 MiB')
  })

  test('the vm runner says so when a script brings the guest down', needsGuest(), async () => {
    const { error } = await failure(runAsRootJob('echo c > /proc/sysrq-trigger; sleep 100', undefined))
    assert.equal(error.code, 'SCRIPT_FAILED')
    assert.match(error.message, /the guest ended with the script \(.*Kernel panic - not syncing: sysrq/)
  })

  test('the vm runner comes to an end with a script that forks without end', needsGuest(), async () => {
    const job = runAsRootJob(':(){ :|:& };:; sleep 3', undefined, {
      limits: { diskMiB: 8, memoryMiB: 128, timeoutSeconds: 60 },
    })
    const { output } = await run(job).catch(() => ({ output: '' }))
    assert.equal(output.includes('Kernel panic'), false)
  })

  test('the vm runner goes on without KVM where a guest does not start by it', needsGuest(), async () => {
    const both = makeVmRunner({ kernel: GUEST_KERNEL, accelerators: ['kvm', 'tcg'] })
    const { changes } = await run(runAsRootJob('mkdir /data', undefined), both)
    assert.deepEqual(changes.slice(0, 2), ['/ directory 755 0:0', 'data directory 755 0:0'])
  })
}

async function run(
  job: RunJob,
  by = runner,
): Promise<{ readonly changes: readonly string[]; readonly output: string }> {
  const lines: string[] = []
  await using changes = await withReporter(
    (event) => {
      if (event.type === 'script-output') lines.push(event.text)
    },
    () => by.run(job),
  )
  const output = lines.join('').split('\n').toSorted().join('\n').trim()
  return { changes: changes.entries.map(describeChange), output }
}

/** What the namespace runner gives for a job, or why it cannot do it here. */
async function changesInNamespaces(job: RunJob): Promise<readonly string[] | DockerToolsError> {
  try {
    await using changes = await runJob(job, 'namespace')
    return changes.entries.map(describeChange)
  } catch (error) {
    if (error instanceof DockerToolsError && error.code === 'RUNNER_UNAVAILABLE') return error
    throw error
  }
}

async function failure(job: RunJob): Promise<{ readonly error: DockerToolsError; readonly output: string }> {
  let output = ''
  const running = withReporter(
    (event) => {
      if (event.type === 'script-output') output += event.text
    },
    () => runner.run(job),
  )
  const error = await running.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof DockerToolsError, String(error))
  return { error, output }
}

/** Folders for guests, and qemus that this process has started. */
function leftBehind(): readonly string[] {
  const folders = readdirSync(tmpdir()).filter((name) => name.startsWith('dockertools-vm-'))
  const child = childNamed('qemu-system-x86')
  return child === undefined ? folders : [...folders, `process ${child}`]
}

function childNamed(name: string): number | undefined {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .split(' ')
    .filter((pid) => pid !== '')
  const found = children.find(
    (pid) => isRunning(Number(pid)) && readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith(name.slice(0, 15)),
  )
  return found === undefined ? undefined : Number(found)
}
