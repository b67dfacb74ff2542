import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { GOLDEN, GOLDEN_STORE, skipWithoutGolden } from '../support/places.ts'
import { readCases } from './golden-case.ts'
import { runGoldenCase } from './run-golden-case.ts'

const cases = readCases(join(GOLDEN, 'visible'), ['streamFromConf', 'streamLayeredImage', 'buildLayeredImage'])

test('all recorded cases of layered images are here', skipWithoutGolden, () => {
  assert.equal(cases.length, 117)
})

for (const golden of cases) {
  test(`${golden.function} gives what was recorded: ${golden.case}`, async () => {
    await runGoldenCase(golden, { store: GOLDEN_STORE, layersFolder: join(GOLDEN, 'layers') })
  })
}
