import assert from 'node:assert/strict'
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'
import { BUSYBOX, needsRoot } from './needs.ts'
import { DOCKERTOOLS, type NixRoom, ROOM_PROGRAMS, startNixRoom } from './nix-room.ts'
import { attempt, type Command, type Outcome, pipe, run } from './run.ts'
import { makeWorkshop, type Workshop } from './workshop.ts'

const STATIC_BASH = '/bin/bash-static'
const PROGRAMS = ['dockerd', 'docker', 'runc', 'script', BUSYBOX, STATIC_BASH, ...ROOM_PROGRAMS]

suite('nix-shell images of what a real Nix has made', needsRoot(...PROGRAMS), () => {
  let shop: Workshop
  let room: NixRoom
  let daemon: DockerDaemon
  let plain: string
  let outputs: string[]

  before(async () => {
    shop = await makeWorkshop()
    const bin = join(shop.path, 'tools/bin')
    await mkdir(bin, { recursive: true })
    await copyFile(STATIC_BASH, join(bin, 'bash'))
    await copyFile(BUSYBOX, join(bin, 'busybox'))
    for (const applet of ['cat', 'chmod', 'id', 'mkdir', 'rm', 'stat']) await symlink('busybox', join(bin, applet))
    room = await startNixRoom(shop.path)
    daemon = await startDockerDaemon(join(shop.path, 'd'))
    plain = await instantiate('plain')
    outputs = (await room.run('nix-store', '--realise', plain)).split('\n').toSorted()
  })
  after(async () => {
    await daemon?.[Symbol.asyncDispose]()
    await room?.[Symbol.asyncDispose]()
    await shop?.[Symbol.asyncDispose]()
  })

  async function instantiate(attribute: string): Promise<string> {
    return await room.run('nix-instantiate', '/project/test/interop/nix-shell.nix', '-A', attribute)
  }

  async function stream(name: string, args: object): Promise<Command> {
    const definition = { function: 'streamNixShellImage', args: { drv: plain, name, tag: 'v1', ...args } }
    await writeFile(join(shop.path, `${name}.json`), JSON.stringify(definition))
    return room.command(...DOCKERTOOLS, 'stream', `${name}.json`)
  }

  async function load(name: string, args: object): Promise<void> {
    await pipe(await stream(name, args), daemon.command('load'))
  }

  /** A call on a terminal that types `typed`. */
  function onTerminal(command: Command, typed: string): Command {
    const words = [command.program, ...command.args].map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`)
    const line = `printf '%s\\n' "$1" | script --quiet --return --command "$0" /dev/null`
    return { ...command, program: 'bash', args: ['-c', line, words.join(' '), typed] }
  }

  function nixShell(...words: readonly string[]): Command {
    return room.command('env', 'NIX_BUILD_SHELL=/lab/tools/bin/bash', 'nix-shell', plain, ...words)
  }

  test('buildDerivation builds in a container what Nix has built', async () => {
    await load('builds', {})
    const name = ['run', '--name', 'builds', 'builds:v1']
    const script = 'test ! -e $out && test ! -e $dev && buildDerivation && id -u && stat -c %u:%g /nix/store /build ~'
    const said = await run(daemon.command(...name, 'bash', '-c', `PATH=$PATH:${await tools()}; ${script}`))
    assert.equal(said, '1000\n1000:1000\n1000:1000\n1000:1000\n')
    for (const [index, output] of outputs.entries()) {
      await run(daemon.command('cp', `builds:${output}`, join(shop.path, `built-${index}`)))
      assert.equal(
        await room.run('nix', 'hash', 'path', `/lab/built-${index}`),
        await room.run('nix', 'hash', 'path', output),
        output,
      )
    }
  })

  async function tools(): Promise<string> {
    const paths = await room.run('nix-store', '--query', '--requisites', plain)
    return `${paths.split('\n').find((path) => path.endsWith('-tools'))}/bin`
  }

  /** The part of an outcome that images and nix-shell have in common. */
  function common({ code, stdout }: Outcome): object {
    return { code, stdout }
  }

  const script =
    'echo "$name $out $list $yes"; greet; cat "$textPath"; type -t runHook; echo "${IN_NIX_SHELL+set} $dontAddDisableDepTrack"; case $- in *i*) echo interactive;; *) echo not;; esac; exit 3'

  test('run is what nix-shell --run does, up to the exit status', async () => {
    await load('runs', { run: script })
    const mine = await attempt(daemon.command('run', '--rm', 'runs:v1'))
    const nix = await attempt(nixShell('--pure', '--run', script))
    assert.match(
      mine.stdout,
      /^hooked by greeting-1\.0\ngreeting-1\.0 .* a b c 1\ngreetings from .*\none\n\$two 'three'\nfunction\n.*\nnot\n$/,
    )
    // Nix tells scripts that they are in a nix-shell; upstream's images do not.
    assert.deepEqual(common({ ...mine, stdout: mine.stdout.replace('\n 1\n', '\nset 1\n') }), common(nix))
    assert.equal(mine.code, 3)
  })

  test('command is what nix-shell --command does: in an interactive shell', async () => {
    await load('commands', { command: script })
    const mine = await attempt(onTerminal(daemon.command('run', '--rm', '-it', 'commands:v1'), ''))
    const nix = await attempt(onTerminal(nixShell('--pure', '--command', script), ''))
    assert.match(mine.stdout, /\ninteractive\r?\n/)
    const visible = (outcome: Outcome): string[] =>
      outcome.stdout.split(/\r?\n/).filter((line) => line !== '' && !/^(set)? 1$/.test(line))
    assert.deepEqual(visible(mine), visible(nix))
    assert.deepEqual([mine.code, nix.code], [3, 3])
  })

  test('an interactive shell runs the hook and has the prompt of nix-shell', async () => {
    await load('prompts', {})
    const typed = 'echo typed $((6 * 7)); false; exit 5'
    const mine = await attempt(onTerminal(daemon.command('run', '--rm', '-it', 'prompts:v1'), typed))
    const nix = await attempt(onTerminal(nixShell('--pure'), typed))
    for (const outcome of [mine, nix]) {
      assert.match(outcome.stdout, /hooked by greeting-1\.0\r\n/)
      // oxlint-disable-next-line no-control-regex -- the prompt is coloured
      assert.match(outcome.stdout, /\r\n\u001B\[1;32m\[nix-shell:[^\]]+\][$#]\u001B\[0m /)
      assert.match(outcome.stdout, /\r\ntyped 42\r\n/)
      assert.equal(outcome.code, 5)
    }
  })

  test('the home is where homeDirectory says, whether it is there or not, and the user is who uid says', async () => {
    await load('lives', {
      uid: 4242,
      gid: 4343,
      homeDirectory: '/nonexistent',
      run: 'echo $HOME ~nixbld; PATH=$PATH:$T; id',
    })
    const said = await run(daemon.command('run', '--rm', '-e', `T=${await tools()}`, 'lives:v1'))
    assert.equal(
      said,
      'hooked by greeting-1.0\n/nonexistent /nonexistent\nuid=4242(nixbld) gid=4343(nixbld) groups=4343(nixbld)\n',
    )
  })

  test('a derivation for another system is taken, and that is told', async () => {
    const outcome = await attempt(await stream('other', { drv: await instantiate('other') }))
    assert.equal(outcome.code, 0, outcome.stderr)
    assert.match(outcome.stderr, /"other-1\.0" is for the system "riscv64-linux", the image is for the architecture "/)
  })

  for (const [attribute, message] of [
    [
      'unbuilt',
      /Cannot use derivation "\S+-unbuilt-1\.0\.drv": no store has "\S+-never-built", what it is built from should be there/,
    ],
    [
      'structured',
      /streamNixShellImage: Does not work with the derivation structured-1\.0 because it uses __structuredAttrs/,
    ],
  ] as const) {
    test(`one clear error tells of a derivation that is ${attribute}`, async () => {
      const outcome = await attempt(await stream(attribute, { drv: await instantiate(attribute) }))
      assert.notEqual(outcome.code, 0)
      assert.match(outcome.stderr, message)
      assert.equal(outcome.stdout, '')
    })
  }
})
