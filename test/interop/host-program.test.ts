import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { startDockerDaemon } from './docker-daemon.ts'
import { needsRoot } from './needs.ts'
import { pipe } from './run.ts'
import { makeWorkshop } from './workshop.ts'

const needed = needsRoot('dockerd', 'docker', 'runc', 'unshare', '/lib64/ld-linux-x86-64.so.2')

test("an image of this machine's programs and the helpers runs in a container", needed, async () => {
  await using shop = await makeWorkshop()
  await using daemon = await startDockerDaemon(join(shop.path, 'd'))
  const definition = await shop.define('hosted', 'streamLayeredImage', {
    name: 'hosted',
    contents: [
      { function: 'hostProgram', args: { path: ['/usr/bin/id', '/usr/bin/sort'] } },
      { function: 'usrBinEnv', args: {} },
      { function: 'binSh' },
      {
        function: 'fakeNss',
        args: { extraPasswdLines: ['app:x:1000:1000::/:/bin/sh'], extraGroupLines: ['app:x:1000:'] },
      },
    ],
    config: { Cmd: ['/usr/bin/env', 'sh', '-c', 'printf "b\\na\\n" | sort; id -un; echo ~nobody'], User: 'app' },
  })
  await pipe(shop.command('stream', definition), daemon.command('load'))
  assert.equal(await daemon.docker('run', '--rm', 'hosted:v1'), 'a\nb\napp\n/var/empty\n')
})
