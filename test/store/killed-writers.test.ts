import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openWritableStore } from '#store'
import { makeTempDir } from '#util'
import { fixturePath, writeCache } from '../support/binary-cache.ts'
import { needs, ROOT } from '../support/places.ts'
import { nixEnvironment } from './nix-oracle.ts'

const WORKER = fileURLToPath(new URL('store-worker.ts', import.meta.url))
/** With STORE_KILL_FULL=1 the counts of the plan; it takes minutes. */
const [OPERATIONS, KILLS] = process.env['STORE_KILL_FULL'] === '1' ? [2000, 200] : [100, 8]
const PROCESSES = 4

interface Tally {
  operations: number
  kills: number
  readonly failures: string[]
}

/** Runs workers one after the other, each for a while; kills some of them in the middle of it. */
async function keepWorking(lane: number, args: readonly string[], tally: Tally): Promise<void> {
  let state = lane + 1
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  while ((tally.operations < OPERATIONS || tally.kills < KILLS) && tally.failures.length === 0) {
    const child = spawn(process.execPath, ['--conditions=source', WORKER, ...args, String(random(1e9)), '25'], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [output, errors] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    let isKilled = false
    if (tally.kills < KILLS && random(4) > 0) {
      // Once it is at work, at any instant.
      await Promise.race([once(child.stdout, 'data'), ended])
      await delay(random(300))
      isKilled = child.exitCode === null && child.kill('SIGKILL')
    }
    const status = await ended
    tally.operations += output.split('\n').length - 1
    if (isKilled && status === null) tally.kills++
    else if (status !== 0) tally.failures.push(errors)
  }
}

test(
  `${PROCESSES} processes at once, of which ${KILLS} are killed, leave a store that Nix has nothing to say against`,
  needs('nix-store'),
  async (context) => {
    await using temp = await makeTempDir('killed-')
    const root = join(temp.path, 'root')
    mkdirSync(join(temp.path, 'work'))
    const [a, b, c] = ['a', 'b', 'c'].map((letter) => fixturePath(letter, letter))
    const tree = {
      folder: Array.from(
        { length: 40 },
        (_, index) => [`f${100 + index}`, `content ${index}`.repeat(index * 20)] as const,
      ),
    }
    const cache = writeCache(join(temp.path, 'cache'), [
      { path: a!, tree: { folder: [...tree.folder, ['to', b!]] }, references: [b!, c!] },
      { path: b!, tree: { folder: [...tree.folder, ['to', c!]] }, references: [c!] },
      { path: c!, tree: { folder: [...tree.folder] } },
    ])
    const tally: Tally = { operations: 0, kills: 0, failures: [] }
    const places = [root, cache, join(temp.path, 'work')]
    await Promise.all(Array.from({ length: PROCESSES }, (_, lane) => keepWorking(lane, places, tally)))
    assert.deepEqual(tally.failures, [])
    context.diagnostic(`${tally.operations} operations, ${tally.kills} kills`)

    const env = nixEnvironment(temp.path)
    const nix = (...args: string[]): string =>
      execFileSync('sh', ['-c', 'exec "$0" "$@" 2>&1', 'nix-store', '--store', root, ...args], { env }).toString()
    const complaints = nix('--verify', '--check-contents')
      .split('\n')
      .filter((line) => line !== '' && !/^(?:reading|checking) /.test(line))
    assert.deepEqual(complaints, [])

    await using store = openWritableStore(`local:${root}`)
    assert.deepEqual((await store.verify({ checksContents: true })).faults, [])
    // What the killed have left goes with the next writer and the next collection.
    await store.collectGarbage()
    const registered = (await store.verify()).pathCount
    assert.equal(
      readdirSync(join(root, 'nix/store')).filter((name) => name !== '.links' && !name.endsWith('.lock')).length,
      registered,
    )
    assert.equal(readdirSync(join(root, 'nix/var/nix/dockertools/scratch')).length, 1)
  },
)
