import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { needs } from '../support/places.ts'
import { makeBench, resultOf } from '../support/run-cli.ts'

const TYPE_KEYS = fileURLToPath(new URL('type_keys.py', import.meta.url))
const PROMPT = 'ready:'

/** What is typed, with tabs, and what the program is called with. */
const TYPED: readonly (readonly [keys: string, args: readonly string[]])[] = [
  ['bui\t', ['build']],
  ['comp\tzs\t', ['completion', 'zsh']],
  ['help exp\t', ['help', 'export']],
  ['build im\t', ['build', 'image.json']],
  ['build my\t', ['build', 'my image.json']],
  ['build image.json --form\toci-a\t', ['build', 'image.json', '--format', 'oci-archive']],
  ['build image.json --format=docker\t', ['build', 'image.json', '--format=docker-archive']],
  ['layers --strat\tau\t image.json', ['layers', '--strategy', 'auto', 'image.json']],
  ['layers --pipeline im\t', ['layers', '--pipeline', 'image.json']],
  ['export image.json -o m\t', ['export', 'image.json', '-o', 'my image.json']],
  ['stream -t a:b --log-f\tj\tim\t', ['stream', '-t', 'a:b', '--log-format', 'json', 'image.json']],
  ['load im\t --eng\tpod\t', ['load', 'image.json', '--engine', 'podman']],
  ['push im\tr.example/a --compress z\t', ['push', 'image.json', 'r.example/a', '--compress', 'zstd']],
  ['push --form\tdoc\tim\t', ['push', '--format', 'docker', 'image.json']],
  ['pull a:1 --tls-v\tf\t-o m\t', ['pull', 'a:1', '--tls-verify', 'false', '-o', 'my image.json']],
  ['pref\t--image-n\ta --ts\t', ['prefetch', '--image-name', 'a', '--ts']],
  ['insp\tim\t--js\t', ['inspect', 'image.json', '--json']],
  ['mer\tim\tmy\t-o x', ['merge', 'image.json', 'my image.json', '-o', 'x']],
  ['tars\tim\t', ['tarsum', 'image.json']],
  ['stream --run\tn\t--vm-k\tim\t', ['stream', '--runner', 'namespace', '--vm-kernel', 'image.json']],
  ['store ver\t--check\t', ['store', 'verify', '--check-contents']],
  ['store --json ad\tim\t', ['store', '--json', 'add', 'image.json']],
  ['store copy --fr\tni\t', ['store', 'copy', '--from', 'nix']],
  ['store gc --dry\t', ['store', 'gc', '--dry-run']],
]

interface Shell {
  readonly rcFile: string
  /** Behind the script: a prompt, and a program that writes down what it is called with. */
  readonly rcText: string
  readonly command: readonly string[]
}

const RECORD = `dockertools() { printf '<%s>' "$@" >>"$CALLS"; echo >>"$CALLS"; }\nPS1='${PROMPT}'\n`

const SHELLS: Readonly<Record<string, Shell>> = {
  bash: { rcFile: 'bashrc', rcText: RECORD, command: ['bash', '--noprofile', '--rcfile', 'rc/bashrc', '-i'] },
  zsh: { rcFile: '.zshrc', rcText: RECORD, command: ['zsh', '-d', '-i'] },
  fish: {
    rcFile: 'start.fish',
    rcText:
      'function dockertools\n  printf "<%s>" $argv >>$CALLS\n  echo >>$CALLS\nend\n' +
      `function fish_prompt\n  echo -n ${PROMPT}\nend\nset -g fish_greeting\n`,
    command: ['fish', '--private', '-i', '-C', 'source rc/start.fish'],
  },
}

for (const [name, shell] of Object.entries(SHELLS)) {
  test(`${name} completes commands, verbs, options, what they may be, and files`, needs(name, 'python3'), async () => {
    await using bench = await makeBench()
    for (const folder of ['rc', 'files']) mkdirSync(join(bench.path, folder))
    for (const file of ['image.json', 'my image.json']) writeFileSync(join(bench.path, 'files', file), '{}')
    const script = await bench.run(['completion', name])
    assert.deepEqual([script.status, script.stderr], [0, ''])
    const before = name === 'zsh' ? 'autoload -Uz compinit && compinit -u -D\n' : ''
    writeFileSync(
      join(bench.path, 'rc', shell.rcFile),
      `${before}${script.stdout.toString()}\n${shell.rcText}cd files\n`,
    )
    const child = spawn('python3', [TYPE_KEYS, PROMPT, ...shell.command], {
      cwd: bench.path,
      env: {
        PATH: process.env['PATH'],
        HOME: join(bench.path, 'home'),
        ZDOTDIR: join(bench.path, 'rc'),
        CALLS: join(bench.path, 'calls'),
        TERM: 'dumb',
        LANG: 'C.UTF-8',
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    child.stdin.end(JSON.stringify([...TYPED.map(([keys]) => `dockertools ${keys}`), 'exit']))
    const { stderr } = await resultOf(child)
    assert.equal(stderr, '')
    const calls = readFileSync(join(bench.path, 'calls'), 'utf8').trimEnd().split('\n')
    assert.deepEqual(
      calls,
      TYPED.map(([, args]) => args.map((arg) => `<${arg}>`).join('')),
    )
  })
}

test('a shell that is not known is refused', async () => {
  await using bench = await makeBench()
  const { status, stderr } = await bench.run(['completion', 'tcsh'])
  assert.equal(status, 2)
  assert.match(stderr, /^error \(USAGE\): Cannot complete in "tcsh": it should be bash, zsh, fish\n/)
})
