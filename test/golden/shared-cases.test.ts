import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { GOLDEN, GOLDEN_STORE, skipWithoutGolden } from '../support/places.ts'
import { readCases } from './golden-case.ts'
import { runGoldenCase } from './run-golden-case.ts'

const cases = readCases(join(GOLDEN, 'visible'), ['streamFromConf', 'streamLayeredImage', 'buildLayeredImage'])

/** Cases that are not met yet, and why. */
const AWAITED: Readonly<Record<string, string>> = {
  'pop-extra2':
    'extraCommands reads a store path through a link, and store paths of a cache are not at /nix/store while it runs',
}

test('all recorded cases of layered images are here', skipWithoutGolden, () => {
  assert.equal(cases.length, 117)
})

for (const golden of cases) {
  const todo = AWAITED[golden.case]
  test(`${golden.function} gives what was recorded: ${golden.case}`, todo === undefined ? {} : { todo }, async () => {
    await runGoldenCase(golden, { store: GOLDEN_STORE, layersFolder: join(GOLDEN, 'layers') })
  })
}
