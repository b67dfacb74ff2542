import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeClone } from '../support/make-clone.ts'
import { ROOT } from '../support/places.ts'
import { startDockerDaemon } from './docker-daemon.ts'
import { needsRoot } from './needs.ts'
import { run } from './run.ts'
import { useOwnHome } from '../support/own-home.ts'

useOwnHome()

interface Step {
  readonly command: string
  readonly output: string
}

/** The commands of the page, with what they print. Lines that begin with `> ` go on with a command. */
function readTranscript(): readonly Step[] {
  const page = readFileSync(join(ROOT, 'docs/first-image.md'), 'utf8')
  const [, text = ''] = /^```console no-run transcript\n([\s\S]*?)^```$/m.exec(page) ?? []
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [, command = '', output = ''] = /^(.*\n(?:> .*\n)*)([\s\S]*)$/.exec(part) ?? []
      return { command: command.replaceAll(/^> /gm, ''), output }
    })
}

test('a reader makes an image of a folder and a program, loads it and runs it, in five commands', () => {
  const commands = readTranscript().map(({ command }) => command)
  assert.ok(commands.length > 0 && commands.length <= 5, `${commands.length} commands`)
  // .ci/run does this with a fresh clone; the others find its result in every copy of the repository.
  assert.match(commands[0] ?? '', /^npm ci/)
  assert.match(commands.join(''), /dockertools/)
  assert.match(commands.at(-1) ?? '', /^docker run/)
})

test('the commands for a first image print what the page says', needsRoot('dockerd', 'docker', 'runc'), async () => {
  await using clone = await makeClone()
  await using daemon = await startDockerDaemon(join(clone.path, 'd'))
  for (const { command, output } of readTranscript().slice(1)) {
    const env = {
      ...daemon.command().env,
      PATH: `${clone.path}/bin:${process.env['PATH'] ?? ''}`,
      XDG_CACHE_HOME: join(clone.path, 'cache'),
      XDG_DATA_HOME: join(clone.path, 'data'),
    }
    const args = ['-e', '-o', 'pipefail', '-c', command]
    assert.equal(await run({ program: 'bash', args, env, cwd: clone.path }), output, command)
  }
})
