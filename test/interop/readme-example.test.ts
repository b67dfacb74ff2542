import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startDockerDaemon } from './docker-daemon.ts'
import { needsRoot } from './needs.ts'
import { run } from './run.ts'
import { makeWorkshop } from './workshop.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

test('the image of the README says hello in Docker', needsRoot('dockerd', 'docker', 'runc'), async () => {
  await using shop = await makeWorkshop()
  await using daemon = await startDockerDaemon(join(shop.path, 'd'))
  const readme = await readFile(join(PROJECT, 'README.md'), 'utf8')
  const [, words = ''] = /^npm ci .*&& npx dockertools (build .*)$/m.exec(readme) ?? []
  const args = words.replaceAll('"', '').replaceAll('$PWD', PROJECT).split(' ')
  const image = join(shop.path, 'hello.tar.gz')
  args.splice(args.indexOf('-o') + 1, 1, image)
  await run({ ...shop.command(...args), cwd: PROJECT })
  assert.match(await daemon.docker('load', '-i', image), /Loaded image: hello:latest/)
  assert.match(await daemon.docker('run', '--rm', 'hello'), /hello/i)
})
