import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { GOLDEN, GOLDEN_STORE, needsNumbers, skipWithoutGolden } from '../support/places.ts'
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
 * Cases whose scripts need owners, and no fakeroot for it. The others of them cannot do without: one gives a file of the
 * store to somebody, the other an owner that an ordinary user has no number for.
 */
const NAMESPACE_CASES = process.getuid?.() === 0 ? ['pop-fakeroot', 'stream-fakeroot2'] : ['pop-fakeroot']

for (const golden of cases.filter((one) => NAMESPACE_CASES.includes(one.case))) {
  test(`what was recorded comes out with the namespace runner too: ${golden.case}`, needsNumbers(), async () => {
    assert.deepEqual([...(await runGoldenCase(golden, places, 'namespace'))], ['namespace'])
  })
}
