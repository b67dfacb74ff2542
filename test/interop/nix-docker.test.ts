import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'
import { BUSYBOX, needsRoot } from './needs.ts'
import { DOCKERTOOLS, type NixRoom, ROOM_PROGRAMS, startNixRoom } from './nix-room.ts'
import { pipe } from './run.ts'
import { addBusybox, makeWorkshop, type Workshop } from './workshop.ts'

const DOCKER_PROGRAMS = ['dockerd', 'docker', 'runc', BUSYBOX]

suite('a Nix store and Docker', needsRoot(...DOCKER_PROGRAMS, ...ROOM_PROGRAMS), () => {
  let shop: Workshop
  let room: NixRoom
  let daemon: DockerDaemon
  /** A program in the store. */
  let shell: string

  async function load(name: string, args: Readonly<Record<string, unknown>>): Promise<void> {
    await shop.define(name, 'streamLayeredImage', { name, ...args })
    await pipe(room.command(...DOCKERTOOLS, 'stream', `${name}.json`), daemon.command('load'))
  }

  before(async () => {
    shop = await makeWorkshop()
    room = await startNixRoom(shop.path)
    daemon = await startDockerDaemon(join(shop.path, 'd'))
    await addBusybox(join(shop.path, 'busybox'))
    shell = `${await room.run('nix-store', '--add', 'busybox')}/bin/sh`
  })
  after(async () => {
    await daemon?.[Symbol.asyncDispose]()
    await room?.[Symbol.asyncDispose]()
    await shop?.[Symbol.asyncDispose]()
  })

  test('run a program that only the configuration names', async () => {
    await load('named', { config: { Cmd: [shell, '-c', 'echo out of the store'] } })
    assert.equal(await daemon.docker('run', '--rm', 'named:v1'), 'out of the store\n')
  })

  test('run a program of a store that is mounted, with includeStorePaths = false', async () => {
    await load('mounted', {
      contents: [join(shell, '../..')],
      config: { Cmd: ['/bin/sh', '-c', 'echo mounted'] },
      includeStorePaths: false,
    })
    assert.equal((await daemon.inspect('mounted:v1')).RootFS.Layers.length, 1)
    await assert.rejects(daemon.docker('run', '--rm', 'mounted:v1'), /ended with 127/)
    const volume = `${shop.path}/nix/store:/nix/store:ro`
    assert.equal(await daemon.docker('run', '--rm', '-v', volume, 'mounted:v1'), 'mounted\n')
  })
})
