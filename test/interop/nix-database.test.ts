import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'
import { needsRoot } from './needs.ts'
import { DOCKERTOOLS, type NixRoom, ROOM_PROGRAMS, startNixRoom } from './nix-room.ts'
import { pipe, run } from './run.ts'
import { makeWorkshop, type Workshop } from './workshop.ts'

/** The machine's programs, among them its Nix; the image has the store. */
const HOST = ['/usr', '/bin', '/lib', '/lib64']
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => ['--volume', `${folder}:${folder}:ro`])

suite(
  'Nix in a container of an image with its database',
  needsRoot('dockerd', 'docker', 'runc', ...ROOM_PROGRAMS),
  () => {
    let shop: Workshop
    let room: NixRoom
    let daemon: DockerDaemon
    /** A small closure that a real Nix has built. */
    let app: string
    let requisites: string

    before(async () => {
      shop = await makeWorkshop()
      room = await startNixRoom(shop.path)
      daemon = await startDockerDaemon(join(shop.path, 'd'))
      app = await room.run('nix-build', '--no-out-link', '/project/test/interop/closure.nix', '-A', 'app')
      requisites = await room.run('nix-store', '--query', '--requisites', app)
    })
    after(async () => {
      await daemon?.[Symbol.asyncDispose]()
      await room?.[Symbol.asyncDispose]()
      await shop?.[Symbol.asyncDispose]()
    })

    for (const [name, argument] of [
      ['buildLayeredImageWithNixDb', 'contents'],
      ['buildImageWithNixDb', 'copyToRoot'],
    ] as const) {
      test(`${name}: Nix lists, verifies and keeps the closure`, async () => {
        const image = name.toLowerCase()
        const args = { name: image, tag: 'v1', [argument]: [app], config: { Env: ['HOME=/tmp', 'USER=root'] } }
        await writeFile(join(shop.path, `${image}.json`), JSON.stringify({ function: name, args }))
        await pipe(room.command(...DOCKERTOOLS, 'stream', `${image}.json`), daemon.command('load'))
        const settings = ['--env', 'NIX_CONFIG=build-users-group =\nexperimental-features = nix-command']
        const inside = async (...words: string[]): Promise<string> =>
          await run(daemon.command('run', '--rm', ...HOST, ...settings, `${image}:v1`, ...words))
        assert.equal(await inside('nix-store', '--verify', '--check-contents'), '')
        assert.deepEqual((await inside('nix', 'path-info', '--all')).trim().split('\n').toSorted(), lines(requisites))
        assert.equal((await inside('nix-store', '--query', '--requisites', app)).trim(), requisites)
        assert.equal(await inside('nix-store', '--gc', '--print-dead'), '')
      })
    }
  },
)

function lines(text: string): string[] {
  return text.split('\n').toSorted()
}
