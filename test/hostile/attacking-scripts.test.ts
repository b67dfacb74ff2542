import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import type { DockerToolsError } from '#errors'
import { type RunJob, runJob, type RunnerName } from '#runner'
import { makeTempDir } from '#util'
import { needs } from '../support/places.ts'
import { isRunning } from '../support/processes.ts'
import { GUEST_KERNEL, jobOf, linesOf, MOUNT_POINTS, needsGuest, writtenTree } from '../support/run-jobs.ts'

const needsTools = needs('unshare', 'nsenter', 'busybox')

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** All of this machine that a script could try to change, in one text. */
function hostState(folder: string): string {
  const list = (path: string): string => readdirSync(path, { recursive: true }).map(String).toSorted(byText).join('\n')
  return [
    readFileSync('/proc/self/mountinfo', 'utf8'),
    readFileSync('/proc/sys/kernel/hostname', 'utf8'),
    readFileSync('/proc/sys/vm/overcommit_memory', 'utf8'),
    readdirSync('/dev').toSorted(byText).join('\n'),
    list(folder),
    readFileSync(join(folder, 'secret'), 'utf8'),
    readFileSync(join(folder, 'store/s55ywjs7v5flsbx8rj2ll58pfb8ynpqp-x/file'), 'utf8'),
  ].join('\n---\n')
}

const STORE_PATH = '/nix/store/s55ywjs7v5flsbx8rj2ll58pfb8ynpqp-x'

const TEMP_FOLDER = tmpdir()

interface Host extends AsyncDisposable {
  readonly path: string
  /** A process of the machine that a script might want to end. */
  readonly pid: number
  job(script: string, limits?: Partial<RunJob['limits']>): RunJob
}

async function makeHost(): Promise<Host> {
  const temp = await makeTempDir('host-')
  const physical = join(temp.path, 'store/s55ywjs7v5flsbx8rj2ll58pfb8ynpqp-x')
  mkdirSync(physical, { recursive: true })
  writeFileSync(join(physical, 'file'), 'of the store')
  writeFileSync(join(temp.path, 'secret'), 'of the machine')
  // What the runner leaves there is seen as well.
  mkdirSync(join(temp.path, 'tmp'))
  process.env['TMPDIR'] = join(temp.path, 'tmp')
  const bystander = spawn('sleep', ['600'])
  await once(bystander, 'spawn')
  return {
    path: temp.path,
    pid: bystander.pid ?? 0,
    job: (script, limits = {}) =>
      jobOf(script, {
        upper: writtenTree({ ...MOUNT_POINTS, 'nix/.keep': '' }),
        store: { dir: '/nix/store', binds: [{ logical: STORE_PATH, physical, kind: 'directory' }], isNeeded: true },
        limits: { diskMiB: 16, memoryMiB: undefined, timeoutSeconds: 60, ...limits },
      }),
    [Symbol.asyncDispose]: async () => {
      bystander.kill('SIGKILL')
      process.env['TMPDIR'] = TEMP_FOLDER
      await temp[Symbol.asyncDispose]()
    },
  }
}

/** Runs the script, which must succeed or fail with one of our errors, and leave the machine as it was. */
async function attack(
  script: string,
  limits: Partial<RunJob['limits']> = {},
  runner: RunnerName = 'namespace',
): Promise<readonly string[] | DockerToolsError> {
  await using host = await makeHost()
  const state = hostState(host.path)
  const text = script.replaceAll('@HOST@', host.path).replaceAll('@PID@', String(host.pid))
  let outcome: readonly string[] | DockerToolsError
  try {
    await using changes = await runJob(host.job(text, limits), runner, undefined, { kernel: GUEST_KERNEL })
    outcome = linesOf(changes)
  } catch (error) {
    outcome = error as DockerToolsError
  }
  assert.equal(hostState(host.path), state)
  assert.ok(isRunning(host.pid))
  return outcome
}

async function attackInVain(script: string): Promise<void> {
  const outcome = await attack(script)
  assert.ok(Array.isArray(outcome), String(outcome))
}

async function attackThatFails(
  script: string,
  code: string,
  message: RegExp,
  limits: Partial<RunJob['limits']> = {},
): Promise<void> {
  const outcome = await attack(script, limits)
  assert.ok(outcome instanceof Error, String(outcome))
  assert.equal(outcome.code, code, String(outcome))
  assert.match(outcome.message, message)
}

before(() => {
  // The first one tries what the machine can do.
  if (needsTools.skip === false) assert.ok(existsSync('/proc/self/ns/user'))
})

test('a failing script gives its status and its last words', needsTools, async () => {
  await attackThatFails('echo last words >&2; exit 7', 'SCRIPT_FAILED', /runAsRoot.*status 7; it said:\nlast words$/)
})

test('an unknown command gives status 127', needsTools, async () => {
  await attackThatFails('no-such-command', 'SCRIPT_FAILED', /status 127; it said:\n.*no-such-command/)
})

test('what a script leaves running is ended with it', needsTools, async () => {
  const marker = `${process.pid}.25`
  await attackInVain(`(setsid sleep 6${marker} > /dev/null 2>&1 &) ; sleep 6${marker} & true`)
  const running = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(`6${marker}`))
  assert.deepEqual(running, [])
})

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    // It has ended meanwhile.
    return ''
  }
}

test('a script that fills the disk is told diskSize', needsTools, async () => {
  await attackThatFails(
    'cat /dev/zero > /big',
    'LIMIT_EXCEEDED',
    /runAsRoot: it writes more than diskSize allows, 16 MiB/,
  )
})

test('a script that makes files without end is told diskSize', needsTools, async () => {
  await attackThatFails('i=0; while :; do : > "/f$i"; i=$((i + 1)); done', 'LIMIT_EXCEEDED', /diskSize/)
})

test('a script that fills /dev meets a limit of its own', needsTools, async () => {
  await attackThatFails('cat /dev/zero > /dev/big', 'LIMIT_EXCEEDED', /diskSize/)
})

test(
  'a script that fills the memory is told buildVMMemorySize, where a control group can be made',
  needsTools,
  async () => {
    const outcome = await attack('x=$(head -c 100000000 /dev/zero | tr "\\0" x); echo "${#x}" > /length', {
      memoryMiB: 24,
    })
    if (outcome instanceof Error) {
      assert.equal(outcome.code, 'LIMIT_EXCEEDED')
      assert.match(outcome.message, /uses more memory than buildVMMemorySize allows, 24 MiB/)
    } else assert.notEqual(process.getuid?.(), 0, 'root can make a control group')
  },
)

test('a script that forks without end is ended by the time limit, and all its processes', needsTools, async () => {
  const bomb = 'bomb() { bomb | bomb & }; bomb; while :; do sleep 1; done'
  await attackThatFails(bomb, 'LIMIT_EXCEEDED', /runAsRoot: it takes longer than the time limit of 2 s/, {
    timeoutSeconds: 2,
  })
})

test('a script that sleeps for ever is ended by the time limit', needsTools, async () => {
  await attackThatFails('sleep 1000', 'LIMIT_EXCEEDED', /time limit of 1 s/, { timeoutSeconds: 1 })
})

const IN_VAIN: Readonly<Record<string, string>> = {
  'writes to devices':
    'echo x > /dev/null; for d in /dev/sda /dev/vda /dev/mem /dev/kmsg; do [ ! -e $d ]; done; chmod 666 /dev/null || true',
  'writes to /proc':
    'for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/overcommit_memory; do if echo 1 > $f; then exit 9; fi; done',
  'writes to /sys':
    'if mkdir /sys/x; then exit 9; fi; if mount -o remount,rw /sys; then exit 9; fi; umount /sys; if mount -t sysfs none /sys; then for f in /sys/power/state /sys/kernel/mm/ksm/run; do if [ -e $f ] && echo 0 > $f; then exit 9; fi; done; fi',
  'writes to the store': `if echo x > ${STORE_PATH}/file; then exit 9; fi; if rm ${STORE_PATH}/file; then exit 9; fi; if mount -o remount,bind,rw /nix/store; then exit 9; fi; if mount -o remount,rw /nix/store; then exit 9; fi; if umount /nix/store; then exit 9; fi; [ "$(cat ${STORE_PATH}/file)" = "of the store" ]`,
  'follows links out of the root':
    'ln -s @HOST@/secret link; if cat link; then exit 9; fi; ln -s ../../../../../..@HOST@/secret up; if cat up; then exit 9; fi; rm link up',
  'leaves the root by chroot':
    'mkdir jail; cat > /out.sh <<"END"\ncd ..; cd ../../../../../../..; if [ -e @HOST@ ]; then exit 9; fi\nEND\nchroot /jail /none || true; cd /; [ ! -e ../../../@HOST@ ]; rm -r jail /out.sh',
  'goes through /proc/1/root':
    '[ ! -e /proc/1/root@HOST@ ]; for p in /proc/[0-9]*; do [ ! -e $p/root@HOST@ ]; [ ! -e $p/cwd@HOST@ ]; for f in $p/fd/*; do [ ! -e $f@HOST@ ]; done; done',
  'mounts what there is':
    'mkdir /m; mount -t tmpfs none /m; echo x > /m/x; mount --bind / /m || true; [ ! -e /m@HOST@ ]; umount /m || true; umount -l / || true; [ ! -e @HOST@ ]',
  'enters the mount table again':
    'nsenter -m -t $$ sh -c "[ ! -e @HOST@ ]" || [ $? != 1 ]; nsenter -m -t 1 sh -c "[ ! -e @HOST@ ]" || [ $? != 1 ]',
  'ends processes of the machine': 'if kill -9 @PID@; then exit 9; fi; kill -9 -1 || true',
  'looks at processes of the machine':
    '[ ! -e /proc/@PID@/status ] || [ $(ls -d /proc/[0-9]* | wc -l) -lt 12 ]; for p in /proc/[0-9]*/cmdline; do if grep -q "sleep.600" $p; then exit 9; fi; done',
  'changes the name of the machine': 'hostname attacked; [ "$(hostname)" = attacked ]',
}

for (const [what, script] of Object.entries(IN_VAIN)) {
  test(`a script that ${what} changes nothing outside`, needsTools, () => attackInVain(script))
}

test('a script that makes devices is told so before it runs, and while it does', needsTools, async () => {
  await attackThatFails('mknod /disk b 254 0', 'RUNNER_UNAVAILABLE', /the script makes a device with mknod/)
  // Where it is not seen in the text.
  const hidden = 'm""knod pipe p; if m""knod /disk b 254 0; then cat /disk > /copy; fi'
  await attackThatFails(
    hidden,
    'RUNNER_UNAVAILABLE',
    /it makes a device, which a user namespace cannot \("mknod: .*"\)/,
  )
})

test('a script that tries the network reaches nobody', needsTools, async () => {
  let visits = 0
  const server = createServer((socket) => {
    visits++
    socket.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  try {
    await attackInVain(`if nc -w 1 127.0.0.1 ${port} < /dev/null; then exit 9; fi; [ "$(ls /sys/class/net)" = lo ]`)
    assert.equal(visits, 0)
  } finally {
    server.close()
  }
})

/** Attaches to a process by its number and by every number it can see, and reads and writes memory of others. */
const TRACE = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
seen = {int(name) for name in os.listdir('/proc') if name.isdigit()} - {os.getpid()}
bystander, folder = int(sys.argv[1]), sys.argv[2]
if bystander not in seen and libc.ptrace(16, bystander, 0, 0) == 0: sys.exit(10)
for pid in seen:
    if any(os.path.exists('/proc/%d/%s%s' % (pid, root, folder)) for root in ('root', 'cwd')): sys.exit(11)
    if open('/proc/%d/cmdline' % pid).read().startswith('sleep'): sys.exit(12)
if os.path.exists(folder): sys.exit(13)
for name in os.listdir('/proc/self/fd'):
    try: target = os.readlink('/proc/self/fd/' + name)
    except OSError: continue
    if int(name) > 2: sys.exit(14)
`

test(
  'a script with all programs of this machine cannot trace its processes',
  needs('unshare', 'nsenter', 'python3'),
  async () => {
    await using host = await makeHost()
    const state = hostState(host.path)
    const script = `cat > trace.py <<'END'\n${TRACE}END\npython3 -B trace.py ${host.pid} ${host.path}; [ ! -e ${host.path} ]; rm trace.py`
    const job: RunJob = { ...host.job(script), step: 'fakeRootCommands', view: 'folder' }
    await using changes = await runJob(job, 'namespace')
    assert.ok(changes.entries.length > 0)
    assert.equal(hostState(host.path), state)
    assert.ok(isRunning(host.pid))
  },
)

/** In a guest a script is root of all there is, so it may take all of it: the disks, the memory, the lines to us. */
const TAKE_OVER = `
(sleep 1000 &); (setsid sleep 1000 &)
kill -9 @PID@ || true
[ ! -e @HOST@ ]
if nc -w 1 127.0.0.1 80 < /dev/null; then exit 9; fi
mkdir /m; mount -t proc none /m && cat /m/1/environ > /m/sysrq-trigger || true
umount /m || true; rmdir /m
mknod /given b 254 0; if echo x > /given; then exit 9; fi
for line in 0 1 2 3; do mknod /line$line c 4 $((64 + line)); echo 'ended 0' > /line$line || true; done
rm /given /line?
echo last > /last
`

test('a script that takes a guest over changes nothing outside', needsGuest(), async () => {
  const outcome = await attack(TAKE_OVER, { diskMiB: 32, memoryMiB: 256, timeoutSeconds: 120 }, 'vm')
  // What it has told us in the name of the guest is not believed: the disk is read, and nothing but the disk.
  if (outcome instanceof Error) assert.match(outcome.code, /^(?:SCRIPT_FAILED|LIMIT_EXCEEDED|RUNNER_UNAVAILABLE)$/)
  else assert.ok(outcome.includes('file 644 0:0 /last'), outcome.join('\n'))
})

test('a script that writes over the disk of its guest is one clear error', needsGuest(), async () => {
  const script = 'mknod /disk b 254 16; dd if=/dev/urandom of=/disk bs=64k count=4; sync; exit 0'
  const outcome = await attack(script, { diskMiB: 32, memoryMiB: 256, timeoutSeconds: 120 }, 'vm')
  if (outcome instanceof Error)
    assert.match(outcome.code, /^(?:SCRIPT_FAILED|FORMAT_INVALID|LIMIT_EXCEEDED|RUNNER_UNAVAILABLE)$/)
})

test('an interrupted script is gone with all it has started', needsTools, async () => {
  await using host = await makeHost()
  const state = hostState(host.path)
  const stop = new AbortController()
  const marker = `7${process.pid}.5`
  const running = runJob(host.job(`(setsid sleep ${marker} &); sleep ${marker}`), 'namespace', stop.signal)
  const started = (): boolean =>
    readdirSync('/proc').some((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(marker))
  while (!readdirSync('/proc').some((pid) => /^\d+$/.test(pid) && commandOf(pid) === `sleep\0${marker}\0`)) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  stop.abort()
  await assert.rejects(running, { code: 'INTERRUPTED' })
  for (let tries = 0; started() && tries < 100; tries++) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(started(), false)
  assert.equal(hostState(host.path), state)
})
