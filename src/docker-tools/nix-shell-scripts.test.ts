import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeTempDir } from '#util'
import { buildScript, escapeShellArgument, shellStartFile } from './nix-shell-scripts.ts'

const word = fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => !text.includes('\0'))

test('bash reads an escaped text as that text', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
      const script = `printf '%s\\0' ${words.map(escapeShellArgument).join(' ')}`
      const output = execFileSync('bash', ['--norc', '-c', script], { env: { LC_ALL: 'C' } })
      assert.deepEqual(output.toString(), words.map((text) => `${text}\0`).join(''))
    }),
    { numRuns: 20 },
  )
})

test('the program buildDerivation becomes the builder, with its arguments as they are', async () => {
  await using temp = await makeTempDir('script-')
  const file = join(temp.path, 'buildDerivation')
  const args = ['%s|', '$out', "it's", '', 'a\nb', '*']
  writeFileSync(file, buildScript('/bin/bash', '/usr/bin/printf', args), { mode: 0o755 })
  assert.equal(execFileSync(file, { encoding: 'utf8' }), "$out|it's||a\nb|*|")
})

/** What a bash writes that reads the start file. */
async function started(
  asked: { command?: string; run?: string },
  env: Readonly<Record<string, string>>,
): Promise<string> {
  await using temp = await makeTempDir('start-')
  writeFileSync(join(temp.path, 'setup'), 'runHook() { eval "${!1}"; }\nexport FROM_SETUP=1\nPATH=/from/setup\n')
  const text = shellStartFile({
    shell: '/bin/my bash',
    staticPath: '/static a:/b',
    command: asked.command ?? null,
    run: asked.run ?? null,
  })
  const file = join(temp.path, 'rc')
  writeFileSync(file, text)
  const all = { PATH: '/bin', stdenv: temp.path, ...env }
  return execFileSync('/bin/bash', ['--norc', file], { env: all, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

test('the start file sources the standard environment, runs the hook, then what was asked for', async () => {
  const run = 'echo "$PATH $FROM_SETUP $SHELL $BASH ${NIX_ENFORCE_PURITY-unset}"; false; echo "after $? $-"'
  const said = await started({ run }, { shellHook: 'echo hook', NIX_ENFORCE_PURITY: '1' })
  assert.equal(said, 'hook\n/static a:/b:/from/setup 1 /bin/my bash /bin/my bash unset\nafter 1 hB\n')
})

test('the prompt is set where there is one, unless it is to be kept', async () => {
  const run = 'printf %s "$PS1"'
  const prompt = String.raw`\n\[\033[1;32m\][nix-shell:\w]\$\[\033[0m\] `
  // A shell that is not interactive has no prompt of its own: it gets one to change.
  const hook = { shellHook: '' }
  assert.equal(await started({ run }, hook), '')
  await using temp = await makeTempDir('prompt-')
  writeFileSync(join(temp.path, 'setup'), 'PS1=old')
  assert.equal(await started({ run }, { ...hook, stdenv: temp.path }), prompt)
  assert.equal(await started({ run }, { ...hook, stdenv: temp.path, NIX_SHELL_PRESERVE_PROMPT: '1' }), 'old')
})

test('command stands where run does, and both end the shell', () => {
  const base = { shell: '/s', staticPath: '/p' }
  const ends = (text: string): string => text.split('\n').slice(-4).join('|')
  assert.equal(ends(shellStartFile({ ...base, command: 'a', run: null })), 'shopt -s execfail|a|exit|')
  assert.equal(ends(shellStartFile({ ...base, command: null, run: '' })), 'shopt -s execfail||exit|')
  assert.match(shellStartFile({ ...base, command: null, run: null }), /shopt -s execfail\n$/)
})
