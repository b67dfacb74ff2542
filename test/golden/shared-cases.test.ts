import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { RunnerName } from '#runner'
import { GOLDEN, GOLDEN_STORE, needsNumbers, skipWithoutGolden } from '../support/places.ts'
import { needsGuest } from '../support/run-jobs.ts'
import { readCases } from './golden-case.ts'
import { runGoldenCase } from './run-golden-case.ts'

const places = { store: GOLDEN_STORE, layersFolder: join(GOLDEN, 'layers') }

const cases = readCases(join(GOLDEN, 'visible'), ['streamFromConf', 'streamLayeredImage', 'buildLayeredImage'])

test('all recorded cases of layered images are here', skipWithoutGolden, () => {
  assert.equal(cases.length, 117)
})

for (const golden of cases) {
  test(`${golden.function} gives what was recorded: ${golden.case}`, async (t) => {
    const ran = await runGoldenCase(golden, places)
    if (ran.size > 0) t.diagnostic(`ran with ${[...ran].join(', ')}`)
  })
}

/**
 * The other runners that can do what a case asks. One case, `stream-fakeroot`, gives a link into the store to somebody,
 * which only fakeroot lets pass: elsewhere the store cannot be written to. Fakeroot gives no root of its own. A guest
 * takes its time, so it has the case with a number that an ordinary user's namespaces have not, and the one with a root.
 */
const OTHER_RUNNERS: Readonly<Record<string, readonly RunnerName[]>> = {
  'pop-fakeroot': ['namespace'],
  'stream-fakeroot2': process.getuid?.() === 0 ? ['namespace', 'vm'] : ['vm'],
  'stream-fakechroot': ['namespace', 'vm'],
}

for (const golden of cases) {
  for (const runner of OTHER_RUNNERS[golden.case] ?? []) {
    const needed = runner === 'vm' ? needsGuest() : needsNumbers()
    test(`what was recorded comes out with the runner ${runner}: ${golden.case}`, needed, async (t) => {
      const ran = [...(await runGoldenCase(golden, places, runner))]
      assert.deepEqual(ran, [runner])
      t.diagnostic(`ran with ${ran.join(', ')}`)
    })
  }
}
